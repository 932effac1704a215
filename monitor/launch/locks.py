"""`lock`: each section of requirements.txt becomes a hash-locked file that names no registry."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from monitor.launch import environment, place, process, say
from monitor.launch.say import Trouble

HEADING = re.compile(r"^# --- (\w+)", re.MULTILINE)
COMPILE = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
           "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")  # fmt: skip


def sections(text: str) -> dict[str, str]:
    """The requirement lines under each `# --- name` heading, in order."""
    _, *parts = HEADING.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def lock() -> None:
    """Resolve every section anew; what runs is settled first and binds the others."""
    uv = environment.uv()
    found = sections((place.ROOT / "requirements.txt").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in found.items():
            source = Path(folder) / f"{name}.in"
            source.write_text("\n".join(line for line in lines.splitlines()[1:]), encoding="utf-8")
            _compile(uv, source, place.LOCKS / f"{name}.lock")


def _compile(uv: str, source: Path, target: Path) -> None:
    bound: list[str | Path] = [] if target.stem in {"run", "tool"} else ["--constraint", place.LOCKS / "run.lock"]
    fresh = source.with_suffix(".lock")
    with say.step(f"Locking requirements/{target.name}"):
        if (
            process.run(
                [uv, *COMPILE, *bound, "--output-file", fresh, source], environment.LOG, env=environment.settings()
            )
            != 0
        ):
            raise Trouble(
                f"The section {target.stem} of requirements.txt could not be resolved; "
                f"{place.CACHE.name}/{environment.LOG.name} says which ranges disagree."
            )
        if "://" in fresh.read_text(encoding="utf-8"):
            raise Trouble(
                f"The lock of section {target.stem} names an address; requirements.txt must name packages only."
            )
        target.write_text(fresh.read_text(encoding="utf-8"), encoding="utf-8")
