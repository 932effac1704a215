"""Models that come with the product, as plain arrays; each must be the file that `models.json` describes."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml import npz
from ml.disk_failure import Model as DiskModel
from ml.trees import Trees

FOLDER = Path(__file__).parent
BOOK = FOLDER / "models.json"


class WrongModel(ValueError):
    """The file is not the one that is described: nothing is judged by it."""


def read(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its arrays, and how it was made."""
    blob = (FOLDER / f"{name}.npz").read_bytes()
    if hashlib.sha256(blob).hexdigest() != book()[name]["sha256"]:
        raise WrongModel(f"ml/shipped/{name}.npz is not the file that models.json describes.")
    return npz.unpack(blob)


def book() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BOOK.read_text(encoding="utf-8")) if BOOK.exists() else {}
    return found


def write(name: str, arrays: dict[str, Any], about: dict[str, Any]) -> str:
    """Put a model in its place, and its description beside it."""
    blob = npz.pack(arrays, about)
    digest = hashlib.sha256(blob).hexdigest()
    (FOLDER / f"{name}.npz").write_bytes(blob)
    text = json.dumps({**book(), name: {"sha256": digest, **about}}, indent=2, sort_keys=True)
    BOOK.write_text(f"{text}\n", encoding="utf-8")
    return digest


@lru_cache(maxsize=1)
def breach() -> tuple[Trees, float]:
    """The trees of `ml.breach`, and the chance from which on they say yes."""
    arrays, about = read("breach")
    return Trees.read(arrays), float(about["cut"])


@lru_cache(maxsize=1)
def disk() -> DiskModel:
    arrays, about = read("disk")
    return DiskModel(Trees.read(arrays), float(about["raised"]), float(about["high"]))
