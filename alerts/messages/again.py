"""What was written down in the product's language, told once more in the language of whoever reads it now."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import get_language

from alerts.messages.forms import translated
from alerts.messages.notices import Told, say, titled
from alerts.messages.read import event
from alerts.messages.said import Said
from alerts.models import Incident, Notice


def own_language() -> bool:
    """Whether the record's own language is asked for: then it is shown as it was written."""
    return (get_language() or settings.LANGUAGE_CODE) == settings.LANGUAGE_CODE


def title(incident: Incident) -> str:
    """What an incident is called; those without facts keep the words they were given."""
    if own_language() or not incident.said:
        return incident.title
    return titled(incident)


def again(notice: Notice) -> str:
    """What a notice says. Asks nothing of the database where its alert was read with it."""
    if own_language():
        return notice.text
    said = say(_spoken(notice))[:400]
    return translated(said) if said == notice.text else said


def _spoken(notice: Notice) -> Told:
    facts = notice.facts or {}
    if notice.alert is not None:
        said = [event(notice)]
        new, over = ([], said) if notice.kind == "resolved" else (said, [])
        return Told(notice, new, over)
    new, over = ([Said.remembered(one) for one in facts.get(name, [])] for name in ("new", "resolved"))
    counts = (facts.get("new_count", len(new)), facts.get("resolved_count", len(over)))
    return Told(notice, new, over, still=facts.get("firing", 0), counts=counts)
