"""The command line: enrol this machine, run the agent, or look once."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from watchkeeper_agent import VERSION
from watchkeeper_agent.errors import Trouble


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; trouble ends as one sentence and exit status 1."""
    given = _parser().parse_args(arguments)
    try:
        {"enrol": _enrol, "run": _run, "once": _once}[given.command](given)
    except Trouble as trouble:
        print(f"watchkeeper-agent: {trouble}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="watchkeeper-agent", description="Tells a Watchkeeper how this machine is.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    enrol = commands.add_parser("enrol", help="make this machine known to a hub")
    enrol.add_argument("--url", required=True, help="the hub, for example https://watch.example.org:8000")
    enrol.add_argument(
        "--token", help="wke_…, from Add server; better in WATCHKEEPER_TOKEN, as all users see arguments"
    )
    enrol.add_argument("--ca", help="file with the one certificate authority to trust")
    enrol.add_argument("--config", required=True, help="file to write the key and the address to")
    enrol.add_argument("--name", help="instead of the host name")
    enrol.add_argument("--insecure", action="store_true", help="allow plain http beyond this machine")
    run = commands.add_parser("run", help="watch this machine")
    run.add_argument("--config", required=True, help="the file `enrol` wrote")
    run.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    once = commands.add_parser("once", help="look once and print what would be told")
    once.add_argument("--json", action="store_true", help="for programs")
    return parser


def _enrol(given: argparse.Namespace) -> None:
    from watchkeeper_agent.enrol import enrol  # noqa: PLC0415 - the running agent does not need it

    given.token = given.token or os.environ.get("WATCHKEEPER_TOKEN")
    if not given.token:
        raise Trouble("There is no enrolment token. Give it as WATCHKEEPER_TOKEN, from Add server.")
    config = enrol(given)
    print(f"This machine is enrolled at {config.url} as server {config.server}.")


def _run(given: argparse.Namespace) -> None:
    from watchkeeper_agent.config import load  # noqa: PLC0415
    from watchkeeper_agent.loop import run  # noqa: PLC0415

    run(load(given.config), with_parent=given.with_parent)


def _once(given: argparse.Namespace) -> None:
    from watchkeeper_agent import facts  # noqa: PLC0415
    from watchkeeper_agent.collectors import Collectors  # noqa: PLC0415

    collectors = Collectors()
    collectors.sample()
    time.sleep(1)  # rates need two looks
    values = collectors.sample().values
    if given.json:
        print(json.dumps({"t": round(time.time(), 3), "values": values, "facts": facts.gather()}, indent=2))
        return
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {'not measured' if value is None else value}")


if __name__ == "__main__":
    # A closed pipe (`once | head`) is no error.
    try:
        sys.exit(main())
    except BrokenPipeError:
        os._exit(0)
