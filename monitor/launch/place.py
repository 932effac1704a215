"""Where the launcher finds and puts things."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = ROOT / ".cache"
LOCKS = ROOT / "requirements"


def keep_compiled(source: MutableMapping[str, str]) -> None:
    """Compiled code is kept in our own folder, whatever this shell says of it elsewhere.

    Images often say that none is to be written; each start would then compile two thousand modules anew.
    """
    source.pop("PYTHONDONTWRITEBYTECODE", None)
    if not source.get("PYTHONPYCACHEPREFIX"):
        source["PYTHONPYCACHEPREFIX"] = str(CACHE / "compiled")
