"""Arrays as bytes and back, without pickle: what is read from a database can never run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

ABOUT = "about"  # the one member that is text


def pack(arrays: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """A compressed npz; `about` is kept as JSON in an array of bytes."""
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{ABOUT: text}, **arrays)
    return file.getvalue()


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    return arrays, json.loads(bytes(arrays.pop(ABOUT)))
