"""The environment: .venv filled from hash-locked files, by uv first and pip as the way out.

Whatever moment it is killed at, the next run finds out and repairs: a stamp with the lock's hash is
written last, and a mark stands in .venv while packages are being put there.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.launch import place, process, say
from monitor.launch.say import Trouble

MARK = "installing"  # stands in .venv while an installation runs: found at the start, it was cut off
LOG = place.CACHE / "setup.log"
REFUSED = 1  # uv's verdict on what it was to install; everything else is trouble of its own


def ready(*names: str) -> bool:
    """Whether every lock named is installed as it stands now."""
    return os.access(place.PYTHON, os.X_OK) and not _mark().exists() and all(map(_stamped, names))


def ensure(*names: str) -> None:
    """Make .venv hold the locks named ("run", "develop"); does nothing when it already does."""
    if ready(*names):
        return
    try:
        with _alone():
            if not ready(*names):
                _set_up(names)
    except OSError as error:
        raise Trouble(
            f"The environment could not be set up in {place.ROOT}: {error.strerror or error} "
            f"({error.filename}). Free space or give this user the right to write there, then run this again."
        ) from error


def ensure_learning() -> bool:
    """Add the learning packages beside a running product; what it already uses is never touched."""
    with _alone():
        if not ready("run") or _stamped("learning"):
            return ready("run")
        own = place.CACHE / "learning.txt"
        own.write_text(_without(place.LOCKS / "learning.lock", place.LOCKS / "run.lock"), encoding="utf-8")
        # Reinstalled each time until it is stamped: a cut-off copy may look complete to the installer.
        words = [*_installer(_uv()), "--require-hashes", "--no-deps", _again(), "-r", own]
        if process.run(words, LOG, dots=False, env=settings()) != 0:
            return False
        _stamp("learning")
        return True


def uv() -> str:
    """uv for commands that cannot do without."""
    with _alone():
        program = _uv() or _fetch_uv()
    if program is None:
        raise Trouble("This command needs uv, which could not be fetched. Install uv so that it is on PATH.")
    return program


def settings() -> dict[str, str]:
    """What installers find in their environment: uv's store is ours, because HOME may be read-only or none."""
    return {"UV_CACHE_DIR": str(place.CACHE / "uv-store"), **os.environ}


def _set_up(names: tuple[str, ...]) -> None:
    say.line("Setting up the environment (only the first time and after an upgrade).")
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    uv = _uv() or _fetch_uv()
    _make_venv(uv)
    _mark().touch()
    for name in names:
        if not _stamped(name):
            _install(name, uv)
    for name in names:
        _stamp(name)
    _mark().unlink()


def _make_venv(uv: str | None) -> None:
    if _usable(uv):
        return
    with say.step("Making .venv"):
        if place.VENV.exists():
            shutil.rmtree(place.VENV)
        _need_venv_module(uv)
        plain: list[str | Path] = [sys.executable, "-m", "venv", place.VENV]
        quick: list[str | Path] = (
            [uv, "venv", "--no-python-downloads", "--python", sys.executable, place.VENV] if uv else plain
        )
        if process.run(quick, LOG, env=settings()) != 0 and (not uv or process.run(plain, LOG) != 0):
            shutil.rmtree(place.VENV, ignore_errors=True)
            raise Trouble(f"Python could not make .venv; {place.CACHE.name}/{LOG.name} says why. {_venv_command()}")


def _usable(uv: str | None) -> bool:
    """Whether .venv can be filled as it is: its Python runs and nothing was cut off in it."""
    if _mark().exists() or not (place.VENV / "pyvenv.cfg").exists():
        return False
    needed = "import sys" if uv else "import sys, pip"
    return process.answer([place.PYTHON, "-c", f"{needed}; print(sys.version_info >= (3, 11))"]) == "True"


def _install(name: str, uv: str | None) -> None:
    lock = place.LOCKS / f"{name}.lock"
    count = len(re.findall(r"^[a-z0-9].*==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    tool = "uv" if uv else "pip"
    with say.step(f"Installing {count} packages of requirements/{name}.lock with {tool}"):
        code = process.run([*_installer(uv), "--require-hashes", "-r", lock], LOG, env=settings())
        if uv and code not in {0, REFUSED}:
            code = _by_pip(lock)
        if code != 0:
            raise Trouble(
                f"The packages of requirements/{name}.lock could not be installed ({_last_words()}); "
                f"check the network or the proxy and free disk space, then run this again. "
                f"All of it is in {place.CACHE.name}/{LOG.name}."
            )


def _by_pip(lock: Path) -> int:
    """The way out when uv itself cannot work here; an environment that it made has no pip yet."""
    say.write("uv failed, trying pip … ")
    pip = process.run([place.PYTHON, "-m", "ensurepip"], LOG)
    return pip or process.run([*_installer(None), "--require-hashes", "-r", lock], LOG)


def _installer(uv: str | None) -> list[str | Path]:
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", place.PYTHON]
    return [place.PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _again() -> str:
    return "--reinstall" if _uv() else "--force-reinstall"


def _uv() -> str | None:
    """uv from PATH or from our own folder; asked for its version, because a name alone proves nothing."""
    own = place.CACHE / "uv" / "bin" / "uv"
    for program in (shutil.which("uv"), str(own) if own.exists() else None):
        if program and process.answer([program, "--version"]):
            return program
    return None


def _fetch_uv() -> str | None:
    """Get uv into a folder of its own; without it pip does the work, more slowly."""
    _need_venv_module(None)
    folder = place.CACHE / "uv"
    with say.step("Getting uv, which installs packages fast"):
        shutil.rmtree(folder, ignore_errors=True)
        made = process.run([sys.executable, "-m", "venv", folder], LOG)
        wanted: list[str | Path] = ["--require-hashes", "-r", place.LOCKS / "tool.lock"]
        installer: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        if made == 0 and process.run([*installer, *wanted], LOG) == 0:
            return _uv()
    say.line("  uv is not to be had here; pip does it instead, which takes longer.")
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _need_venv_module(uv: str | None) -> None:
    """Debian and Ubuntu ship Python without these two until they are asked for."""
    if uv is None and any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        raise Trouble(f"This Python cannot make an environment, because its venv part is missing. {_venv_command()}")


def _venv_command() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    root = "" if os.geteuid() == 0 else "sudo "
    return f"On Debian and Ubuntu this mends it: {root}apt install -y python{version}-venv"


def _last_words() -> str:
    lines = [text.strip() for text in LOG.read_text(encoding="utf-8", errors="replace").splitlines() if text.strip()]
    return lines[-1][:160] if lines else "no reason was given"


@contextmanager
def _alone() -> Iterator[None]:
    """One setup at a time in this folder."""
    place.CACHE.mkdir(exist_ok=True)
    with (place.CACHE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say.line("Another setup runs in this folder; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # An installer that outlives us keeps the lock, so that the next setup does not work under its hands.
        os.set_inheritable(lock.fileno(), True)
        yield


def _mark() -> Path:
    return place.VENV / MARK


def _fingerprint(name: str) -> str:
    return hashlib.sha256((place.LOCKS / f"{name}.lock").read_bytes()).hexdigest()


def _stamped(name: str) -> bool:
    try:
        return (place.VENV / f"{name}.stamp").read_text(encoding="utf-8") == _fingerprint(name)
    except OSError:
        return False


def _stamp(name: str) -> None:
    """Written beside and renamed, after what it vouches for has reached the disk."""
    os.sync()
    fresh = place.VENV / f"{name}.stamp.new"
    fresh.write_text(_fingerprint(name), encoding="utf-8")
    fresh.replace(place.VENV / f"{name}.stamp")


def _without(lock: Path, known: Path) -> str:
    """The pins of a lock that another one does not already hold."""
    pins = re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE | re.IGNORECASE)
    held = set(re.findall(r"^([A-Za-z0-9._-]+)==", known.read_text(encoding="utf-8"), re.MULTILINE))
    return "".join(pin for pin in pins if pin.split("==")[0] not in held)
