"""One role of the scale-out profile: `run web`, `run worker`, `run beat`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import django

from monitor import env, loading

if TYPE_CHECKING:
    from monitor.parts import Parts

LOOK_EVERY = 1.0
ROLES = ("web", "worker", "beat")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in ROLES:
        print("Say which role: ./watchkeeper run web, run worker or run beat.", file=sys.stderr)  # noqa: T201 - to whoever starts it, before there is a log
        return 2
    try:
        environment = env.read()
    except env.Wrong as wrong:
        print(f"Watchkeeper cannot start. {wrong}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    fault = _unfit(environment) or (_plain_as_secure(environment) if arguments == ["web"] else "")
    if fault:
        print(f"Watchkeeper cannot start. {fault}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
    loading.begin()
    django.setup()
    return {"web": web, "worker": worker, "beat": beat}[arguments[0]](environment)


def _unfit(environment: env.Environment) -> str:
    """Several processes need a database and a broker that they can share."""
    if not environment.database_url.startswith("postgres"):
        return (
            "Single roles need PostgreSQL: set DATABASE_URL=postgres://user:pass@host/name, or use ./watchkeeper up."
        )
    if not environment.redis_url:
        return "Single roles need Redis: set REDIS_URL=redis://host:6379/0, or use ./watchkeeper up."
    return ""


def _plain_as_secure(environment: env.Environment) -> str:
    """Under `auto` this role has no certificate, while cookies and links would be made for https."""
    if environment.tls != "auto" or environment.loopback or environment.trusted_proxies:
        return ""
    return (
        f"run web on {environment.host} has no certificate: set WATCHKEEPER_TLS=CERT,KEY, or "
        "WATCHKEEPER_TRUSTED_PROXIES to the proxy that speaks https, or WATCHKEEPER_TLS=off for plain http."
    )


def web(environment: env.Environment) -> int:
    from monitor import lifespan  # noqa: PLC0415 - it imports models, which need the set-up
    from monitor.serve import serve  # noqa: PLC0415 - a worker needs no web server

    serve(
        environment.host,
        environment.port,
        tls=_certificate(environment),
        trusted=list(environment.trusted_proxies),
        connection_cap=environment.connection_cap,
        ready=loading.end,
        stopping=lifespan.let_go,
    )
    return 0


def _certificate(environment: env.Environment) -> tuple[Path, Path] | None:
    if environment.tls in {"auto", "off"}:
        # Behind a load balancer each web process would make an authority of its own: give them one, or none.
        return None
    cert, key = (Path(part.strip()) for part in environment.tls.split(","))
    return cert, key


def worker(environment: env.Environment) -> int:
    from monitor.parts import Parts  # noqa: PLC0415 - it imports models, which need the set-up

    parts = Parts()
    parts.ears()
    parts.inside_door()
    parts.rules_and_delivery()
    parts.learning()
    parts.background(beat=False)
    return _stay(parts)


def beat(environment: env.Environment) -> int:
    from monitor import schedule  # noqa: PLC0415 - Django is set up first
    from monitor.parts import Parts  # noqa: PLC0415 - as above

    schedule.install()
    parts = Parts()
    parts.schedule()
    return _stay(parts)


def _stay(parts: Parts) -> int:
    """Until SIGTERM or Ctrl-C, or until a part has ended: then whoever keeps us starts us anew."""
    loading.end()
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    dead: list[str] = []
    while not dead and not told.wait(LOOK_EVERY):
        dead = parts.dead()
    if dead:
        print(f"Watchkeeper ends: {', '.join(dead)} has ended, which it must not.", file=sys.stderr)  # noqa: T201 - whoever started it reads this
    parts.stop()
    return 1 if dead else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Celery's pool threads are no daemons: everything is stopped by now, and the exit must not wait for them.
    os._exit(code)
