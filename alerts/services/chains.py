"""Chains that run: frozen as rows when a trouble begins, done when due, stopped when somebody looks after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Max, Min, QuerySet

from alerts import chains as pure
from alerts.models import Chain, Channel, Delivery, Incident, Rule, Schedule, Step
from alerts.services import people, schedules, seen, stepping
from core import apart, runner
from core.locking import locked

AT_ONCE = 200  # incidents read in one go
AGAIN = timedelta(seconds=1)  # what another process holds is looked at again
LATER = timedelta(minutes=1)  # until steps that failed are tried again
HELD = timedelta(seconds=60)
ACKNOWLEDGED, OVER = "Not done: {} looks after it.", "Not done: it was over."

Muted = Callable[[Incident], str]


def never(_incident: Incident) -> str:
    return ""


@transaction.atomic
def begin(incident: Incident, chain: Chain, now: datetime) -> None:
    """Write down each step of a chain as it stands now; a chain that this incident follows already stays."""
    locked(Incident.objects).get(pk=incident.pk)
    if Step.objects.filter(incident=incident, args__chain=str(chain.uuid)).exists():
        return
    steps = [
        Step(
            incident=incident,
            chain=chain.name,
            place=planned.place,
            kind=planned.kind,
            args={
                **planned.args,
                "chain": str(chain.uuid),
                "after": planned.after,
                "unacknowledge": chain.unacknowledge,
            },
            due_at=now + timedelta(seconds=planned.after),
        )
        for planned in pure.expand(chain.steps)
    ]
    _write(steps)


@transaction.atomic
def resume(incident: Incident, now: datetime) -> None:
    """Nobody looks after it any more: the same steps from their beginning, as they were frozen."""
    last = dict(Step.objects.filter(incident=incident).values_list("chain").annotate(Max("round")))
    fresh = []
    for chain, round_ in last.items():
        for step in Step.objects.filter(incident=incident, chain=chain, round=round_).order_by("place"):
            due = now + timedelta(seconds=step.args["after"])
            place = (step.place, step.kind)
            fresh.append(_again(step, chain, round_ + 1, place, due))
    _write(fresh)


def _again(step: Step, chain: str, round_: int, place: tuple[int, str], due: datetime) -> Step:
    return Step(
        incident_id=step.incident_id, chain=chain, round=round_, place=place[0], kind=place[1], args=step.args,
        due_at=due,
    )  # fmt: skip


def _write(steps: list[Step]) -> None:
    Step.objects.bulk_create(steps, ignore_conflicts=True)
    transaction.on_commit(partial(runner.wake, "telling"))


@transaction.atomic
def stop(incident: Incident, now: datetime, why: str) -> None:
    """What was not done stays undone, and says why; what it would still send later is not sent."""
    Step.objects.filter(incident=incident, done_at=None).update(done_at=now, result=why[:300])
    waiting = Delivery.objects.filter(notice__incident=incident, notice__kind="escalated", state="waiting")
    waiting.filter(attempts=0, due_at__gt=now).update(state="dropped")


def run_due(now: datetime, *, muted: Muted = never) -> datetime | None:
    """Do every step that is due, once and in order; when there is more to do."""
    last = 0
    while incidents := _due(now, after=last):
        odd = apart.each(incidents, lambda pk: _run(pk, now, muted), "Doing the steps of an incident")
        Step.objects.due(now).filter(incident__in=odd).update(due_at=now + LATER)
        last = incidents[-1]
    soonest: datetime | None = Step.objects.filter(done_at=None).aggregate(at=Min("due_at"))["at"]
    return soonest if soonest is None or soonest > now else now + AGAIN


def _due(now: datetime, *, after: int) -> list[int]:
    due = Step.objects.due(now).filter(incident__gt=after).order_by("incident_id")
    return list(due.values_list("incident_id", flat=True).distinct()[:AT_ONCE])


@transaction.atomic
def _run(pk: int, now: datetime, muted: Muted) -> None:
    chosen = Incident.objects.select_related("team", "acknowledged_by").filter(pk=pk)
    incident = locked(chosen, skip=True).first()
    if incident is None:
        return  # another process does it, or somebody acknowledges it just now
    open_ = Step.objects.filter(incident=incident, done_at=None)
    if incident.resolved_at and incident.next_at and not incident.acknowledged_at:
        # Its end waits for its tick: should it be bad again before, it is the same trouble, and goes on.
        _hold(open_, max(incident.next_at, now + AGAIN), "it seems to be over")
        return
    if incident.resolved_at or incident.acknowledged_at:
        stop(incident, now, OVER if incident.resolved_at else ACKNOWLEDGED.format(incident.acknowledged_by))
        return
    why = muted(incident)
    if why:
        _hold(open_, now + HELD, why)
        return
    for step in open_.filter(due_at__lte=now).order_by("due_at", "round", "chain", "place"):
        step.result = stepping.do(step, incident, now)[:300]
        step.done_at = now
        step.save(update_fields=["result", "done_at"])
    transaction.on_commit(partial(seen.told, incident))


def _hold(steps: QuerySet[Step], until: datetime, why: str) -> None:
    """The chain's clock stands still while nothing may be said; it goes on where it stood."""
    waiting = list(steps)
    late = until - min((step.due_at for step in waiting), default=until)  # none: another process did them
    for step in waiting:
        step.due_at += late
        step.result = f"Held: {why}"[:300]
    Step.objects.bulk_update(waiting, ["due_at", "result"])


def asking(channel: Channel) -> list[str]:
    """The chains that tell by this channel."""
    wanted = str(channel.uuid)
    found = Chain.objects.filter(team=channel.team_id)
    return [chain.name for chain in found if any(step.get("channel") == wanted for step in chain.steps)]


def warnings(chain: Chain) -> list[str]:
    """What whoever saves it should know: people it calls who cannot answer."""
    named = {step["person"] for step in chain.steps if "person" in step}
    asked = [step["schedule"] for step in chain.steps if "schedule" in step]
    for schedule in Schedule.objects.filter(team=chain.team_id, uuid__in=asked) if asked else ():
        named |= schedules.called(schedule)
    return people.lookers(chain.team, named) if named else []


def naming(chain: Chain) -> list[str]:
    """The rules that tell by this chain."""
    rules = Rule.objects.standing().filter(team=chain.team_id)
    return [rule.name for rule in rules if {"chain": str(chain.uuid)} in rule.notify]
