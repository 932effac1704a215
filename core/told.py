"""Sentences that are kept in English, known by their form and said in the reader's language."""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext

PART = re.compile(r"%\\\((\w+)\\\)s")  # %(name)s, escaped
INSIDE = "said"


def told(text: str, forms: tuple[str, ...]) -> str:
    """As it was written where its form is not known: what a machine said is its own.

    Longer forms of a beginning stand before shorter ones. A part named `said` is such a sentence itself.
    """
    if not text or (get_language() or "en").startswith("en"):
        return text
    for form, pattern in _patterns(forms):
        if found := pattern.fullmatch(text):
            facts = found.groupdict()
            inner = {INSIDE: told(facts[INSIDE], forms)} if INSIDE in facts else {}
            return gettext(form) % {**facts, **inner}
    return text


@cache
def _patterns(forms: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    return [(form, re.compile(PART.sub(r"(?P<\1>.+?)", re.escape(form)).replace("%%", "%"))) for form in forms]
