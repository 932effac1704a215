"""Every text of the islands, by page: written here in English, carried to the page in the reader's language.

A key ending in `.one` or `.other` is chosen by the number it speaks of; {n} and the like are filled in on the page.
The front end knows the keys by `frontend/src/words/en.json`, which `python -m dashboards.words` writes.
"""

from __future__ import annotations

from functools import lru_cache

from django.utils.translation import get_language, gettext, pgettext

from dashboards.words import (
    base,
    channels,
    common,
    fleet,
    inbox,
    incident,
    me,
    oncall,
    rule,
    rulefile,
    server,
    shell,
    silences,
    steps,
)
from dashboards.words.mark import Contexted

EVERYWHERE = (base.WORDS, shell.WORDS)
ALERTING = (common.WORDS, steps.WORDS)
PAGES: dict[str, tuple[dict[str, str], ...]] = {
    "fleet": (fleet.WORDS, server.WORDS),
    "server": (server.WORDS, fleet.WORDS),
    "alerts": (*ALERTING, server.WORDS, inbox.WORDS, incident.WORDS, silences.WORDS),
    "incident": (*ALERTING, server.WORDS, incident.WORDS, inbox.WORDS, silences.WORDS),
    "rule": (*ALERTING, server.WORDS, rule.WORDS, silences.WORDS),
    "rulefile": (*ALERTING, rulefile.WORDS, rule.WORDS),
    "channels": (*ALERTING, channels.WORDS),
    "silences": (*ALERTING, silences.WORDS),
    "oncall": (*ALERTING, oncall.WORDS),
    "me": (*ALERTING, me.WORDS, channels.WORDS),
}


def english(*tables: dict[str, str]) -> dict[str, str]:
    """All texts of these tables, or all there are."""
    found: dict[str, str] = {}
    for table in tables or (*EVERYWHERE, *(table for page in PAGES.values() for table in page)):
        found.update(table)
    return found


def texts(page: str) -> dict[str, str]:
    """What this page may have to say, in the reader's language."""
    return _texts(page, get_language() or "en")


def said(text: str) -> str:
    return pgettext(text.context, text) if isinstance(text, Contexted) else gettext(text)


@lru_cache(maxsize=256)
def _texts(page: str, _language: str) -> dict[str, str]:
    return {key: said(text) for key, text in english(*EVERYWHERE, *PAGES.get(page, ())).items()}
