"""Steps of chains, and when they come."""

from __future__ import annotations

from dashboards.words.mark import _

WORDS = {
    "when.now": _("now"),
    "when.in": _("in {age}"),
    "step.wait": _("Wait {age}"),
    "step.person": _("Tell a person"),
    "step.personOf": _("Tell {name}"),
    "step.on_call": _("Tell who is on call"),
    "step.team": _("Tell the whole team"),
    "step.channel": _("Tell by"),
    "step.raise": _("Raise to critical"),
    "step.repeat": _("Begin again, {n} times at most"),
}
