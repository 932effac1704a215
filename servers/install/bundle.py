"""The agent and this hub's own psutil in one archive, so that a target needs neither pip nor the internet."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import platform
import sys
import tarfile
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from servers.install import wheels

AGENT = Path(__file__).parents[2] / "agent" / "watchkeeper_agent"
KEPT = {".py", ".so", ".pyd"}


@dataclass(frozen=True)
class Bundle:
    """`platform` is what the compiled part of psutil runs on, as the installer spells it."""

    content: bytes
    digest: str
    platform: str


STARTER = b"""import sys

from watchkeeper_agent.__main__ import main

sys.exit(main())
"""


@lru_cache(maxsize=8)
def bundle_for(system: str) -> Bundle:
    """The same for another system; `Missing` where there is no psutil for it, which is asked again each time."""
    content = _agent()
    content |= {name: data for name, data in wheels.files(system).items() if _kept(Path(name))}
    packed = _pack(content)
    return Bundle(packed, hashlib.sha256(packed).hexdigest(), f"{system}-any")


@cache
def bundle() -> Bundle:
    """Built once a process; the same sources give the same bytes, so any process may serve it."""
    psutil = _psutil()
    files = _agent() | {f"psutil/{name}": path.read_bytes() for name, path in _files(psutil).items()}
    for text in sorted(psutil.parent.glob("psutil-*.dist-info/**/LICENSE*")):
        files["psutil/LICENSE"] = text.read_bytes()
    content = _pack(files)
    return Bundle(content, hashlib.sha256(content).hexdigest(), _platform(psutil))


def _agent() -> dict[str, bytes]:
    """The program, and what starts it where there is no place for a PYTHONPATH."""
    files = {f"watchkeeper_agent/{name}": path.read_bytes() for name, path in _files(AGENT).items()}
    return {**files, "__main__.py": STARTER}


def _psutil() -> Path:
    found = importlib.util.find_spec("psutil")
    if found is None or found.origin is None:
        raise FileNotFoundError("psutil is not installed here. Run ./watchkeeper up to mend the environment.")
    return Path(found.origin).parent


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if _kept(path.relative_to(folder))
    }


def _kept(path: Path) -> bool:
    return path.suffix in KEPT and "tests" not in path.parts


def _pack(files: dict[str, bytes]) -> bytes:
    """No times, no owners: nothing in it depends on when or where it was built."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _platform(psutil: Path) -> str:
    """Like `linux-x86_64-glibc-any`: the last word is the Python, "any" for the stable interface."""
    stable = any("abi3" in path.name for path in psutil.glob("_psutil_*"))
    python = "any" if stable else f"{sys.version_info[0]}.{sys.version_info[1]}"
    libc = (platform.libc_ver()[0] or "musl") if sys.platform == "linux" else "none"
    return f"{sys.platform}-{platform.machine()}-{libc}-{python}"
