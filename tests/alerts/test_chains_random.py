"""A chain under anything people may do in any order, and under two loops at once: never twice, never lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connections

from accounts.models import Team, User
from alerts.models import Delivery, Incident, Notice, Step
from alerts.services import answers, chains
from tests.alerts.people import NOON, chain, hook, trouble, way

Person = Callable[..., User]


class Walk:
    """What people and the clock do to one trouble; after each step what must always hold is looked at."""

    def __init__(self, seed: int, incident: Incident, people: list[User]) -> None:
        self.dice = random.Random(seed)
        self.incident, self.people = incident, people
        self.now = NOON
        self.mute = ""
        self.done: dict[int, tuple[datetime | None, str]] = {}
        self.sent = 0

    def move(self) -> None:
        moves: list[Callable[[], None]] = [self.wait] * 6 + [self.take, self.give, self.silence]
        self.dice.choice(moves)()
        self.look()

    def wait(self) -> None:
        self.now += timedelta(seconds=self.dice.choice([1, 5, 60, 299, 301, 3600]))
        self.incident.refresh_from_db()
        may = self.incident.acknowledged_at is None and not self.mute
        chains.run_due(self.now, muted=lambda _: self.mute)
        count = Notice.objects.filter(kind="escalated").count()
        assert may or count == self.sent, "told while somebody looked after it, or while it was silenced"
        self.sent = count

    def take(self) -> None:
        answers.acknowledge(self.incident, self.now, by=self.dice.choice(self.people))
        later = Delivery.objects.filter(notice__kind="escalated", state="waiting")
        assert not later.exists(), "an acknowledgement stops what is on its way to anybody"
        assert not Step.objects.filter(done_at=None).exists()

    def give(self) -> None:
        self.incident.refresh_from_db()
        taken = self.incident.acknowledged_at is not None
        answers.unacknowledge(self.incident, self.now, "It was given back.")
        self.incident.refresh_from_db()
        assert self.incident.acknowledged_at is None
        assert not taken or Step.objects.filter(done_at=None).exists(), "given back, and nobody is called again"

    def silence(self) -> None:
        self.mute = "" if self.mute else "silenced"

    def look(self) -> None:
        for step in Step.objects.order_by("round", "place"):
            before = self.done.get(step.pk)
            assert before is None or before[0] is None or before == (step.done_at, step.result), "done twice"
            self.done[step.pk] = (step.done_at, step.result)
        rounds = set(Step.objects.filter(done_at=None).values_list("round", flat=True))
        assert len(rounds) <= 1, "two rounds of one chain run at once"
        for round_ in rounds:
            open_ = Step.objects.filter(round=round_, done_at=None).order_by("place").values_list("place", flat=True)
            assert list(open_) == list(range(open_[0], open_[0] + len(open_))), "out of order"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_people_do_a_chain_tells_each_step_once_and_goes_to_its_end(
    team: Team, person: Person, seed: int
) -> None:
    people = [person(first_name=name) for name in ("Maria", "Ole")]
    for user in people:
        way(user, hook(owner=user, name="phone"))
        way(user, hook(owner=user, name="landline"), after=600, place=1)
    asked = [{"kind": "person", "person": str(user.uuid)} for user in people]
    wait = {"kind": "wait", "seconds": 300}
    steps = chain(team, wait, asked[0], wait, asked[1], {"kind": "raise"}, {"kind": "repeat", "times": 1})
    incident = trouble(team)
    chains.begin(incident, steps, NOON)
    walk = Walk(seed, incident, people)
    for _ in range(30):
        walk.move()
    walk.mute = ""
    walk.give()
    for _ in range(40):
        walk.now += timedelta(minutes=2)
        chains.run_due(walk.now)
        walk.look()
    assert not Step.objects.filter(done_at=None).exists()
    last = Step.objects.order_by("-round").values_list("round", flat=True)[0]
    told = Step.objects.filter(round=last, kind="person", result__startswith="Told ").count()
    assert told == 4, "the last round went to its end"


@pytest.mark.django_db(transaction=True)
def test_two_loops_at_once_do_each_step_once(team: Team, person: Person) -> None:
    maria = person(first_name="Maria")
    way(maria, hook(owner=maria, name="phone"))
    steps = chain(team, {"kind": "person", "person": str(maria.uuid)}, {"kind": "team"})
    troubles = [trouble(team, key=str(number)) for number in range(10)]
    faults: list[Exception] = []

    def sweep() -> None:
        try:
            for incident in troubles:
                chains.begin(incident, steps, NOON)
            chains.run_due(NOON)
        except OperationalError as busy:  # SQLite's one writer: the loop would try again
            faults.append(busy)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    chains.run_due(NOON)
    assert Step.objects.count() == 20
    assert Notice.objects.filter(kind="escalated").count() == 20
    assert len(faults) < 3
