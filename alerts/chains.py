"""Chains: what a step may say, and when each is due. No Django, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.spoken import spoken as _

WAIT_LEAST, WAIT_MOST, REPEAT_MOST, STEPS_MOST = 60, 86_400, 5, 30

# What each kind names, and whether it must.
FIELDS: dict[str, dict[str, bool]] = {
    "wait": {"seconds": True},
    "person": {"person": True, "important": False},
    "on_call": {"schedule": True, "important": False},
    "team": {"important": False},
    "channel": {"channel": True},
    "repeat": {"times": True},
    "raise": {},
}
TELLING = ("person", "on_call", "team", "channel")


@dataclass(frozen=True, slots=True)
class Planned:
    """One step as it will be done: its place, and how many seconds after the beginning it is due."""

    place: int
    kind: str
    after: int
    args: dict[str, Any] = field(default_factory=dict)


def expand(steps: list[dict[str, Any]]) -> list[Planned]:
    """All steps in order, a repetition written out; a wait is due at its end."""
    planned: list[Planned] = []
    after = 0
    for step in _written_out(steps):
        args = {name: value for name, value in step.items() if name != "kind"}
        if step["kind"] == "wait":
            after += int(step["seconds"])
        planned.append(Planned(len(planned), step["kind"], after, args))
    return planned


def _written_out(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    body = [step for step in steps if step["kind"] != "repeat"]
    yield from body
    for step in steps:
        if step["kind"] == "repeat":
            for time in range(1, int(step["times"]) + 1):
                yield {"kind": "repeat", "time": time, "times": step["times"]}
                yield from body


def faults(steps: Any) -> list[str]:
    """What is wrong with the steps themselves, a sentence each; whether ids are known is not ours to say."""
    if not isinstance(steps, list) or not steps:
        return [_('Give at least one step, such as [{"kind": "team"}].')]
    if len(steps) > STEPS_MOST:
        return [_("A chain has %(most)d steps at most.") % {"most": STEPS_MOST}]
    text = _("Step %(place)d: %(fault)s")
    found = [text % {"place": place, "fault": fault} for place, step in enumerate(steps, 1) for fault in _step(step)]
    return found or _whole(steps)


def _step(step: Any) -> Iterator[str]:
    kind = step.get("kind") if isinstance(step, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS:
        yield _("`kind` must be one of %(kinds)s.") % {"kinds": ", ".join(FIELDS)}
        return
    fields = FIELDS[kind]
    unknown = sorted(str(name)[:60] for name in set(step) - {"kind", *fields})
    if unknown:
        said = {"names": ", ".join(unknown), "kind": kind, "known": ", ".join(fields) or _("nothing else")}
        yield _("%(names)s is not known here; %(kind)s takes %(known)s.") % said
    missing = (name for name, must in fields.items() if must and name not in step)
    yield from (_("%(kind)s needs `%(name)s`.") % {"kind": kind, "name": name} for name in missing)
    yield from _values(step)


def _values(step: dict[str, Any]) -> Iterator[str]:
    if "seconds" in step and not _whole_number(step["seconds"], WAIT_LEAST, WAIT_MOST):
        yield _whole_number_needed("seconds", WAIT_LEAST, WAIT_MOST)
    if "times" in step and not _whole_number(step["times"], 1, REPEAT_MOST):
        yield _whole_number_needed("times", 1, REPEAT_MOST)
    if "important" in step and not isinstance(step["important"], bool):
        yield _("`important` must be true or false.")
    for name in ("person", "schedule", "channel"):
        if name in step and not isinstance(step[name], str):
            yield _("`%(name)s` must be an id.") % {"name": name}


def _whole_number_needed(name: str, least: int, most: int) -> str:
    said = {"name": name, "least": least, "most": most}
    return _("`%(name)s` must be a whole number from %(least)d to %(most)d.") % said


def _whole_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _whole(steps: list[dict[str, Any]]) -> list[str]:
    kinds = [step["kind"] for step in steps]
    found = []
    if not set(kinds) & set(TELLING):
        found.append(_("Nobody is told by it: add a step person, on_call, team or channel."))
    if "repeat" in kinds[:-1]:
        found.append(_("`repeat` must be the last step: it begins again from the first one."))
    if "repeat" in kinds and "wait" not in kinds:
        found.append(_("A chain that repeats needs a wait, or it would tell all at once."))
    return found
