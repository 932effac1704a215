"""What a measured task is: a name, the folder of data it needs, and a run that prints lines and leaves files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from core.registry import Registry

# Takes the folder of the data and the folder for results; says a line for each thing done.
Task = Callable[[Path, Path], Iterator[str]]

registry: Registry[Task] = Registry("evaluations")
