"""The command line: enrol this machine, run the agent, or look once."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from watchkeeper_agent import VERSION
from watchkeeper_agent.errors import Trouble, say_into


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; trouble ends as one sentence and exit status 1."""
    given = _parser().parse_args(arguments)
    try:
        return {"enrol": _enrol, "run": _run, "once": _once, "status": _status}[given.command](given)
    except Trouble as trouble:
        print(f"watchkeeper-agent: {trouble}", file=sys.stderr)
        return 1


class _Strict(argparse.ArgumentParser):
    """What is mistyped is refused, not guessed."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named, allow_abbrev=False)


def _parser() -> argparse.ArgumentParser:
    parser = _Strict(prog="watchkeeper-agent", description="Tells a Watchkeeper how this machine is.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Strict)
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
    once.add_argument("--config", help="the agent's file, for its own checks and folders")
    status = commands.add_parser("status", help="say how the agent of this machine is")
    status.add_argument("--config", help="the file `enrol` wrote, if it is not where the installer puts it")
    return parser


def _enrol(given: argparse.Namespace) -> int:
    from watchkeeper_agent.enrol import enrol  # noqa: PLC0415 - the running agent does not need it

    given.token = given.token or os.environ.get("WATCHKEEPER_TOKEN")
    if not given.token:
        raise Trouble("There is no enrolment token. Give it as WATCHKEEPER_TOKEN, from Add server.")
    config = enrol(given)
    print(f"This machine is enrolled at {config.url} as server {config.server}.")
    return 0


def _run(given: argparse.Namespace) -> int:
    from watchkeeper_agent.config import load  # noqa: PLC0415 - each verb loads what it needs
    from watchkeeper_agent.loop import run  # noqa: PLC0415 - as above

    if sys.stderr is None:
        say_into(os.path.join(os.path.dirname(os.path.abspath(given.config)), "agent.log"))
    run(load(given.config), with_parent=given.with_parent)
    return 0


def _status(given: argparse.Namespace) -> int:
    from watchkeeper_agent.config import load  # noqa: PLC0415 - as above
    from watchkeeper_agent.status import status  # noqa: PLC0415 - as above

    well, lines = status(load(given.config or _usual_config()))
    print(*lines, sep="\n")
    return 0 if well else 1


def _usual_config() -> str:
    """Where the installer puts it: for all users' service, or for this user alone."""
    home = os.path.expanduser("~")
    folders = (
        "/var/lib/watchkeeper-agent",
        f"{home}/.watchkeeper-agent",
        f"{os.environ.get('PROGRAMDATA', '')}/Watchkeeper agent",
    )
    found = [f"{folder}/agent.json" for folder in folders if os.path.exists(f"{folder}/agent.json")]
    if not found:
        raise Trouble("No agent's file is found here. Name it with --config, or as root if the service's is meant.")
    return found[0]


def _once(given: argparse.Namespace) -> int:
    from watchkeeper_agent import facts  # noqa: PLC0415 - as above
    from watchkeeper_agent.collectors import Collectors, Options  # noqa: PLC0415 - as above
    from watchkeeper_agent.config import load  # noqa: PLC0415 - as above

    config = load(given.config) if given.config else None
    if not config and not given.json:
        print("Text files and own checks are left out: name the agent's file with --config.", file=sys.stderr)
    collectors = Collectors(options=Options.of(config.collect, config.folder) if config else None)
    collectors.sample()
    time.sleep(1)  # rates need two looks
    values = collectors.sample_all().values
    document = facts.gather(collectors)
    if given.json:
        print(json.dumps({"t": round(time.time(), 3), "values": values, "facts": document}, indent=2))
        return 0
    for section, entries in document.items():
        print(
            f"{section}: " + ", ".join(f"{key} {value}" for key, value in entries.items() if value not in ("", None))
        )
    print()
    width = max(map(len, values))
    for name, value in sorted(values.items()):
        print(f"{name:<{width}}  {'not measured' if value is None else value}")
    for name, why in sorted(collectors.off().items()):
        print(f"not measured, {name}: {why}")
    return 0


if __name__ == "__main__":
    # A closed pipe (`once | head`) is no error.
    try:
        sys.exit(main())
    except BrokenPipeError:
        os._exit(0)
