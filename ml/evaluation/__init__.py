"""Tasks that are measured on laid-out data by the product's own code; each reads a folder and writes result files."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from core.registry import Registry
from ml.evaluation.base import Task, registry

__all__ = ["Task", "all_tasks", "registry"]


def all_tasks() -> Registry[Task]:
    """All of them: a task registers itself when its module is read."""
    for found in iter_modules(__path__):
        import_module(f"{__name__}.{found.name}")
    return registry
