"""The table of commands and what each one does first."""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.launch import checks, environment, locks, names, place, process, say
from monitor.launch.say import Trouble

Arguments = Sequence[str]

HELP = """\
Watchkeeper watches servers. Everything it does starts here:

  ./watchkeeper up                   set up if needed, start everything, watch this machine
  ./watchkeeper up --demo [N]        the same with N simulated servers (24), to look around; removable
  ./watchkeeper up --no-learning     the same without fetching the learning packages in the background
  ./watchkeeper doctor               look for trouble and say what mends it
  ./watchkeeper backup FILE          put data, keys and certificates into one file
  ./watchkeeper restore FILE         bring such a file back
  ./watchkeeper manage …             Django's own commands, such as: manage changepassword you@example.org
  ./watchkeeper run web|worker|beat  one role, where several processes share the work

For those who change it:

  ./watchkeeper test [pytest …]      the whole test suite, or what you name
  ./watchkeeper check [--full]       what CI runs: linters, types, bundle, tests; --full: whole matrices
  ./watchkeeper bench [NAME|all]     the list of benchmarks, one of them, or one after another
  ./watchkeeper lock                 make the hash-locked requirement files anew

Settings come from the environment; docs/settings.md lists them.
"""


# Learning too: what scikit-learn learnt is tested as well, and in CI nothing may be left out.
DEVELOPING = ("run", "develop", "learning")


def up(arguments: Arguments) -> None:
    environment.ensure("run")
    process.become([place.PYTHON, "-m", "monitor.up", *arguments])


def test(arguments: Arguments) -> None:
    environment.ensure(*DEVELOPING)
    process.become([place.PYTHON, "-m", "pytest", *checks.spread(arguments)])


def check(arguments: Arguments) -> int:
    environment.ensure(*DEVELOPING)
    return checks.check(arguments)


def bench(arguments: Arguments) -> int:
    known = {path.stem: path for path in sorted((place.ROOT / "bench").glob("[!_]*.py"))}
    if not arguments:
        for name, path in known.items():
            say.line(f"  {name:<10} {_purpose(path)}")
        say.line("\n./watchkeeper bench NAME runs one of them, ./watchkeeper bench all one after another.")
        return 0
    name, *rest = arguments
    if name not in {*known, "all"}:
        raise Trouble(f"There is no such benchmark; known are: {', '.join(known)}, all.", code=2)
    environment.ensure(*DEVELOPING)
    if name != "all":
        process.become([place.PYTHON, "-m", f"bench.{name}", *rest])
    return max(checks.shown([place.PYTHON, "-m", f"bench.{each}", *rest]) for each in known)


def _purpose(program: Path) -> str:
    """The first line of what it says of itself."""
    told = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))) or ""
    return told.partition("\n")[0]


def manage(arguments: Arguments) -> None:
    with contextlib.redirect_stdout(sys.stderr):  # enrol_token and api_token print one secret and nothing else
        environment.ensure("run")
    process.become([place.PYTHON, place.ROOT / "manage.py", *arguments], stay=True)


def run(arguments: Arguments) -> None:
    if len(arguments) != 1 or arguments[0] not in {"web", "worker", "beat"}:
        raise Trouble(
            "Name one role: ./watchkeeper run web, ./watchkeeper run worker or ./watchkeeper run beat.", code=2
        )
    environment.ensure("run")
    process.become([place.PYTHON, "-m", "monitor.run", *arguments])


def backup(arguments: Arguments) -> None:
    _one_file("backup", arguments)
    environment.ensure("run")
    process.become([place.PYTHON, "-m", "monitor.backup", names.absolute(arguments[0])])


def restore(arguments: Arguments) -> None:
    _one_file("restore", arguments)
    environment.ensure("run")
    process.become([place.PYTHON, "-m", "monitor.restore", names.absolute(arguments[0])])


def _one_file(command: str, arguments: Arguments) -> None:
    if len(arguments) != 1:
        raise Trouble(f"Name one file: ./watchkeeper {command} watchkeeper-backup.tar", code=2)


def doctor(arguments: Arguments) -> None:
    if not environment.ready("run"):
        raise Trouble("environment  not set up yet, or cut off half-way. Run ./watchkeeper up once, it repairs that.")
    process.become([place.PYTHON, "-m", "monitor.doctor", *arguments])


def lock(arguments: Arguments) -> None:
    if arguments:
        raise Trouble("lock takes no arguments; it makes every file anew from requirements.txt.", code=2)
    locks.lock()


COMMANDS: dict[str, Callable[[Arguments], int | None]] = {
    command.__name__: command for command in (up, test, check, bench, manage, run, backup, restore, doctor, lock)
}


ASKED = {"-h", "--help", "help"}
HELPED = {"test", "manage"}  # these answer --help themselves


def main(arguments: Arguments) -> int:
    """Run one command; every failure is one sentence and an exit status other than 0."""
    if (
        not arguments
        or arguments[0] in ASKED
        or (arguments[1:2] == ["--help"] and arguments[0] in {*COMMANDS} - HELPED)
    ):
        say.line(HELP)
        return 0 if arguments else 2
    name, *rest = arguments
    try:
        command = _known(name)
        names.settle(os.environ)
        place.keep_compiled(os.environ)
        return command(rest) or 0
    except Trouble as error:
        return say.trouble(error)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on.\n")
        return 130


def _known(name: str) -> Callable[[Arguments], int | None]:
    if name not in COMMANDS:
        raise Trouble(f'There is no command "{name}". Known are: {", ".join(COMMANDS)}.', code=2)
    return COMMANDS[name]
