"""Short sentences of the record, known by their form: why nothing was told, what a step did; in any language.

They are written in the product's language where they happen. What has no form here is shown as it was written.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

FORMS = (
    # Why nobody was told
    _("it is simulated"),
    _("silenced: %(reason)s"),
    _("%(count)s of the %(least)s that make it a trouble"),
    _("worse news took its place"),
    _("it was over before its group was told"),
    _("nobody was told that it began"),
    _("no channel, person or chain is there for it"),
    _("its team was removed"),
    _("waits for the end of quiet hours"),
    _("waited for the end of quiet hours"),
    _("somebody looks after it"),
    _("%(name)s looks after it"),
    _("%(server)s is down"),
    # What a step of a chain did
    _("%(before)s Of what they may not see: %(words)s"),
    _("Held: %(words)s"),
    _("Not done: it was over."),
    _("Not done: %(name)s looks after it."),
    _("Waited %(time)s: nobody acknowledged."),
    _("Begins again, %(time)s of %(times)s."),
    _("It is critical already."),
    _("Raised to critical."),
    _("Told %(words)s, on call in %(schedule)s."),
    _("Told %(words)s."),
    _("Nobody is on call in %(schedule)s: told the fallback %(words)s."),
    _("Nobody is on call in %(schedule)s: %(words)s"),
    _("The schedule is gone: %(words)s"),
    _("The team has no member who could be told: %(words)s"),
    _("It is gone: %(words)s"),
    _("The channel %(channel)s is switched off: %(words)s"),
    _("Somebody removed may not be told any more: %(words)s"),
    _("%(name)s may not be told any more: %(words)s"),
    _("%(name)s was skipped, as they see other servers alone: %(words)s"),
    _(
        "%(name)s is on call in %(schedule)s and was skipped, as they see other servers alone: told the fallback "
        "%(words)s."
    ),
    _("%(name)s is on call in %(schedule)s and was skipped, as they see other servers alone: %(words)s"),
    _("This step could not be done: %(words)s"),
    _("told %(words)s instead."),
    _("and nobody else could be told: the team has no member."),
    # Whom
    _("the channel %(channel)s"),
    _("%(words)s (from %(time)s, after quiet hours)"),
    _("%(name)s by %(words)s"),
    _("mail"),
    # Others
    _("More messages, told together."),
)
SENTENCES = {"before", "words"}  # are looked up again
AND = _(" and ")
PART = re.compile(r"%\\\((\w+)\\\)s")  # %(name)s, escaped
LIST = re.compile(r"(, (?!after quiet hours\))| and )")


def translated(text: str) -> str:
    for form, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            parts = found.groupdict()
            for name in SENTENCES & parts.keys():
                parts[name] = _each(parts[name])
            return gettext(form) % parts
    return text


def _each(text: str) -> str:
    """One sentence of its own, or people and channels in a row."""
    if text.endswith("."):
        return translated(text)
    return "".join(gettext(AND) if part == AND else translated(part) for part in LIST.split(text))


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(form, re.compile(PART.sub(r"(?P<\1>.+?)", re.escape(form)), re.DOTALL)) for form in FORMS]
