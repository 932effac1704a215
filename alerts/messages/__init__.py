"""A notice as a message: one plain sentence, the facts, what to do, the link; in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import translation

from alerts.engine import CRITICAL, NAMES, WARN
from alerts.messages import group, wording
from alerts.messages.again import again, title
from alerts.messages.compose import compose, link, test_message
from alerts.messages.forms import translated
from alerts.messages.gathered import gather
from alerts.messages.notices import say
from alerts.messages.read import Matter, Reader, matter
from alerts.messages.said import Said
from alerts.models import Alert, Notice

__all__ = [
    "Matter", "again", "bundle_sentence", "compose", "gather", "good_sentence", "heading", "kept", "link", "record",
    "sentence", "severity_level", "severity_name", "test_message", "title", "translated",
]  # fmt: skip


def severity_name(level: int) -> str:
    return NAMES[level]


def severity_level(name: str) -> int:
    return {"warn": WARN, "critical": CRITICAL}.get(name, 0)


def sentence(alert: Alert, value: float, limit: float) -> str:
    """What is wrong, for the record: in the product's own language."""
    with translation.override(settings.LANGUAGE_CODE):
        return wording.firing(Said.of(alert, value, limit))


def heading(alert: Alert) -> str:
    """What an incident is called by it: true for as long as it lasts."""
    with translation.override(settings.LANGUAGE_CODE):
        return wording.standing(Said.of(alert))


def kept(alert: Alert) -> dict[str, Any]:
    """What its sentence tells, for an incident that is called by it."""
    return Said.of(alert).kept()


def good_sentence(alert: Alert, value: float) -> str:
    """That it is over, for the record."""
    ended = alert.resolved_at
    lasted = None if ended is None else max(0.0, ended.timestamp() - alert.since / 1000)
    with translation.override(settings.LANGUAGE_CODE):
        return wording.resolved(Said.of(alert, value, lasted=lasted))


def bundle_sentence(new: Sequence[Mapping[str, Any]], over: Sequence[Mapping[str, Any]], firing: int) -> str:
    """Several events in one sentence, for the record; each as its notice remembers it."""
    with translation.override(settings.LANGUAGE_CODE):
        told = [[Said.remembered(one) for one in events] for events in (new, over)]
        return group.bundle(told[0], told[1], firing, (len(new), len(over)))[:400]


def record(notice: Notice) -> str:
    """What a notice says, in the product's own language."""
    with translation.override(settings.LANGUAGE_CODE):
        return say(matter(notice).spoken(Reader()))[:400]
