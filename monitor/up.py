"""One command, everything in one process: check, prepare, upgrade, serve, watch this machine."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import django

from monitor import env, folder, loading
from monitor.demo.cast import DEFAULT as DEMO_SIZE
from monitor.demo.cast import MOST as DEMO_MOST
from monitor.env import Environment
from monitor.launch import say
from monitor.launch.say import Trouble


def main(arguments: Sequence[str]) -> int:
    """Start everything and stay until told to stop; the exit status of a clean stop is 0."""
    options = _options(arguments)
    # Also after uvicorn has ended: it raises the signal again, which must not look like a crash.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        _start(_environment(), learning=not options.no_learning, demo=options.demo)
    except Trouble as error:
        return say.trouble(error)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="watchkeeper up",
        allow_abbrev=False,  # what is mistyped is refused, not guessed
        description="Set up if needed, start everything and watch this machine. Ctrl-C stops it.",
        epilog="Settings come from the environment; docs/settings.md lists them.",
    )
    parser.add_argument(
        "--no-learning", action="store_true", help="do not fetch the learning packages in the background"
    )
    parser.add_argument(
        "--demo", nargs="?", type=_fleet_size, const=DEMO_SIZE, default=0, metavar="N",
        help=f"add N simulated servers ({DEMO_SIZE} when N is left out) with history and a few faults; removable",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _fleet_size(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= DEMO_MOST):
        raise argparse.ArgumentTypeError(f"N is a number from 1 to {DEMO_MOST}, not {text!r}")
    return int(text)


def _environment() -> Environment:
    try:
        return env.read()
    except env.Wrong as wrong:
        raise Trouble(f"Watchkeeper cannot start. {wrong}", code=2) from wrong


def _start(environment: Environment, *, learning: bool, demo: int) -> None:
    if environment.redis_url and not environment.database_url.startswith("postgres"):
        raise Trouble(
            "REDIS_URL gives the slow work to processes of its own, which need PostgreSQL to share: "
            "set DATABASE_URL=postgres://user:pass@host/name as well, or leave REDIS_URL out.",
            code=2,
        )
    say.line("Starting Watchkeeper.")
    folder.prepare(environment.data)
    hold = folder.Hold(environment.data).take(environment.url)
    _finish_restore(environment)
    _need_port(environment.host, environment.port)
    loading.begin()
    with say.step("Loading"):
        os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
        django.setup()
        from monitor import embedded  # noqa: PLC0415 - it imports models, which need the set-up
    embedded.start(environment, hold, learning=learning, demo=demo)


def _finish_restore(environment: Environment) -> None:
    try:
        if folder.finish_restore(environment.data):
            say.line("  A restore that was cut off is complete now.")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Trouble(
            f"A restore that was cut off cannot be completed: {error.strerror or error}{where}. Free space and give "
            f"this user the right to write there, then start again; all of it still lies in "
            f"{environment.data / folder.DECIDED}."
        ) from error


def _need_port(host: str, port: int) -> None:
    """Refuse before anything is changed when we could not listen afterwards."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise Trouble(
            f'WATCHKEEPER_HOST is "{host}", which has no address here. Write one of this machine, such as 0.0.0.0.',
            code=2,
        ) from error
    except OSError as error:
        raise Trouble(_port_sentence(host, port, error)) from error


def _port_sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program. Stop that one, or set WATCHKEEPER_PORT={port + 1}."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is only for root. Set WATCHKEEPER_PORT to a number above 1023, such as 8000."
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f'WATCHKEEPER_HOST is "{host}", which is no address of this machine. Write one it has, such as 0.0.0.0.'
        )
    return f"Watchkeeper cannot listen on {host} port {port} ({error.strerror}). Choose another WATCHKEEPER_PORT."


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _leave(code: int) -> None:
    """End at once: everything is stopped by now, and a pool's thread must not hold the exit up."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        status: int | str | None = main(sys.argv[1:])
    except SystemExit as leaving:
        status = leaving.code
    _leave(status if isinstance(status, int) else int(bool(status)))
