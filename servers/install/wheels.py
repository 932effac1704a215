"""psutil for other systems than the hub's own: fetched once, locked by hash, or put there by hand."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "run.lock"
PATIENCE, REST = 60, 600.0
OLDEST_PYTHON = "3.9"
LARGEST = 16 << 20


@dataclass(frozen=True)
class System:
    """How the installers name it, and what its wheel's file name ends in."""

    uv: str
    pip: str
    wheel: str


SYSTEMS = {
    "linux-x86_64-glibc": System("x86_64-unknown-linux-gnu", "manylinux2014_x86_64", r"manylinux.*_x86_64"),
    "linux-aarch64-glibc": System("aarch64-unknown-linux-gnu", "manylinux2014_aarch64", r"manylinux.*_aarch64"),
    "linux-x86_64-musl": System("x86_64-unknown-linux-musl", "musllinux_1_2_x86_64", r"musllinux.*_x86_64"),
    "linux-aarch64-musl": System("aarch64-unknown-linux-musl", "musllinux_1_2_aarch64", r"musllinux.*_aarch64"),
    "darwin-arm64-none": System("aarch64-apple-darwin", "macosx_11_0_arm64", r"macosx.*_arm64"),
    "darwin-x86_64-none": System("x86_64-apple-darwin", "macosx_11_0_x86_64", r"macosx.*_x86_64"),
    "win32-AMD64-none": System("x86_64-pc-windows-msvc", "win_amd64", r"win_amd64"),
    "win32-ARM64-none": System("aarch64-pc-windows-msvc", "win_arm64", r"win_arm64"),
}
_one = threading.Lock()
# Anybody may ask: no more threads of the hub than this wait for the internet.
_few = threading.BoundedSemaphore(2)
_failed: dict[str, float] = {}


class Missing(Exception):
    """There is none, and the text says which file to put where."""


def folder() -> Path:
    return Path(settings.DATA) / "wheels"


def files(system: str) -> dict[str, bytes]:
    """psutil's files for that system by name; fetched if they are not there yet."""
    if system not in SYSTEMS:
        raise Missing(f"psutil is not known to exist for {system}. Install psutil there and paste the line again.")
    found = _kept(system)
    if found is None and time.monotonic() >= _failed.get(system, 0.0):
        if not _few.acquire(blocking=False):
            raise Missing(
                f"The hub fetches psutil for other machines just now. Paste the line again in {PATIENCE} s."
            )
        try:
            found = _kept(system) if _fetch(system) else None
        finally:
            _few.release()
    if found is None:
        raise Missing(
            f"The hub has no psutil for {system} and could not fetch it. On a machine with internet run: "
            f"pip download psutil=={_locked()[0]} --no-deps --only-binary=:all: --python-version {OLDEST_PYTHON} "
            f"--platform {SYSTEMS[system].pip} and put the file into {folder()} on the hub."
        )
    return found


def _kept(system: str) -> dict[str, bytes] | None:
    unpacked = folder() / system / _locked()[0]
    if (unpacked / "psutil").is_dir():
        return {
            path.relative_to(unpacked).as_posix(): path.read_bytes()
            for path in sorted((unpacked / "psutil").rglob("*"))
            if path.is_file()
        }
    return _by_hand(system)


def _by_hand(system: str) -> dict[str, bytes] | None:
    version, hashes = _locked()
    fits = re.compile(rf"psutil-{re.escape(version)}-.*{SYSTEMS[system].wheel}\.whl")
    for path in sorted(folder().glob("psutil-*.whl")):
        if fits.fullmatch(path.name) and path.stat().st_size <= LARGEST:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() in hashes:
                with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                    names = [name for name in wheel.namelist() if name.startswith("psutil/") and name[-1] != "/"]
                    return {name: wheel.read(name) for name in sorted(names)}
    return None


def _locked() -> tuple[str, set[str]]:
    """The version and the hashes that the hub's own lock allows."""
    found = re.search(
        r"^psutil==(\S+)((?: \\\n\s+--hash=sha256:[0-9a-f]{64})+)", LOCK.read_text("utf-8"), re.MULTILINE
    )
    if not found:
        raise Missing("The hub's own lock does not name psutil. Restore requirements/run.lock.")
    return found[1], set(re.findall(r"[0-9a-f]{64}", found[2]))


def _fetch(system: str) -> bool:
    """By uv or pip, checked against the lock; one at a time, and not again for a while after it failed."""
    if not _one.acquire(timeout=PATIENCE):
        return False
    try:
        if (folder() / system / _locked()[0]).is_dir():  # another request was quicker
            return True
        if time.monotonic() < _failed.get(system, 0.0):
            return False
        done = _install(system)
        if not done:
            _failed[system] = time.monotonic() + REST
        return done
    finally:
        _one.release()


def _install(system: str) -> bool:
    version, hashes = _locked()
    folder().mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as name:
        wanted, target = Path(name) / "psutil.txt", Path(name) / "files"
        lines = " ".join(f"--hash=sha256:{one}" for one in sorted(hashes))
        wanted.write_text(f"psutil=={version} {lines}\n", "utf-8")
        words = _words(SYSTEMS[system])
        if not words:
            return False
        try:
            done = subprocess.run(  # noqa: S603 - our own words alone
                [*words, "--require-hashes", "--no-deps", "--target", str(target), "-r", str(wanted)],
                env={**os.environ, "UV_CACHE_DIR": str(Path(name) / "cache")},
                stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode or not (target / "psutil" / "__init__.py").exists():
            return False
        (folder() / system).mkdir(exist_ok=True)
        target.rename(folder() / system / version)
        return True


def _words(system: System) -> list[str]:
    """The installer that is here, told to act for another system."""
    own = ROOT / ".cache" / "uv" / "bin" / "uv"
    uv = shutil.which("uv") or (str(own) if own.exists() else None)
    common = ["--python-version", OLDEST_PYTHON, "--only-binary", ":all:"]
    if uv:
        return [uv, "pip", "install", "--quiet", "--no-config", "--python-platform", system.uv, *common]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--platform", system.pip, *common]
    return []
