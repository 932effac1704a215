"""One role of the scale-out profile: `run web`, `run worker`, `run beat`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import django

from monitor import env

ROLES = ("web", "worker", "beat")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in ROLES:
        print("Say which role: ./watchkeeper run web, run worker or run beat.", file=sys.stderr)  # noqa: T201
        return 2
    try:
        environment = env.read()
    except env.Wrong as wrong:
        print(f"Watchkeeper cannot start. {wrong}", file=sys.stderr)  # noqa: T201
        return 2
    fault = _unfit(environment)
    if fault:
        print(f"Watchkeeper cannot start. {fault}", file=sys.stderr)  # noqa: T201
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
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


def web(environment: env.Environment) -> int:
    from monitor.serve import serve  # noqa: PLC0415 - a worker needs no web server

    serve(
        environment.host,
        environment.port,
        tls=_certificate(environment),
        trusted=list(environment.trusted_proxies),
        connection_cap=environment.connection_cap,
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
    parts.rules_and_delivery()
    parts.background(beat=False)
    return _stay(parts.stop)


def beat(environment: env.Environment) -> int:
    from monitor import schedule  # noqa: PLC0415
    from monitor.background import Beat  # noqa: PLC0415

    schedule.install()
    thread = Beat()
    thread.start()
    return _stay(lambda: thread.end(1.5))


def _stay(stop: Callable[[], None]) -> int:
    """Until SIGTERM or Ctrl-C; a second one does not wait."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()
    stop()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Celery's pool threads are no daemons: everything is stopped by now, and the exit must not wait for them.
    os._exit(code)
