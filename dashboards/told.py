"""Sentences that checks, servers and models keep in English, told in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from checks import services as checks
from core import told as known
from servers import services as servers

FORMS = (
    *checks.FORMS,
    *servers.FORMS,
    # Why a server is not learnt, or a model not taken
    _("Nothing was measured yet."),
    _("Only %(count)s minutes of data so far; 15 are needed."),
    _("Only %(count)s usable rows so far; %(least)s are needed."),
    _("It would call %(fresh)s %% of its own days unusual, the version before %(old)s %%."),
)


def told(text: str) -> str:
    return known.told(text, FORMS)
