"""Whoever shows incidents is told when one changed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from alerts.models import Incident

log = logging.getLogger(__name__)

Changed = Callable[[Incident], None]
_watchers: list[Changed] = []


def on_change(watcher: Changed) -> None:
    """Whoever shows incidents is told after the commit; a topic downwards, not an import upwards."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def told(incident: Incident) -> None:
    for watcher in _watchers:
        try:
            watcher(incident)
        except Exception:
            # It is committed and will be told; a page that did not hear of it asks again.
            log.exception("Somebody who shows incidents could not be told")
