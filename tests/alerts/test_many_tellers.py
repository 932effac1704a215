"""Two loops that tell, a judge, people and silences at the same time: nobody waits for ever, nobody is told twice."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, connections

from accounts.models import Team, User
from alerts import services
from alerts.delivery.claiming import claim
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Silence, Step
from alerts.services import silences, telling
from tests.alerts.stage import START, Stage

pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite writes one after the other; run with --db postgres"
    ),
    pytest.mark.django_db(transaction=True),
]
NAMES = [f"web-{number}" for number in range(8)]


class Doer(threading.Thread):
    """Does one thing again and again, each on a connection of its own."""

    def __init__(self, what: Callable[[random.Random], None], turns: int) -> None:
        super().__init__(daemon=True)
        self.what, self.turns = what, turns
        self.failed: list[Exception] = []

    def run(self) -> None:
        chance = random.Random(self.turns)  # noqa: S311
        for _ in range(self.turns):
            try:
                self.what(chance)
            except Exception as error:  # noqa: BLE001 - shown by the test
                self.failed.append(error)
        connections.close_all()


class World:
    """What each of them does."""

    def __init__(self, team: Team, user: User) -> None:
        self.stage, self.team, self.user = Stage(team), team, user
        self.stage.hook()
        steps = [{"kind": "person", "person": str(user.uuid)}]
        chain = Chain.objects.create(team=team, name="night", steps=steps)
        down = self.stage.rule("down", metric="", kind="no_data", group_wait=0, group_by=["rule", "server"])
        machine = self.stage.rule("machine", group_wait=0)
        people = self.stage.rule("people", group_wait=0, group_interval=1, notify=[{"chain": str(chain.uuid)}])
        self.rules = [down, machine, people]
        self.stage.servers_named(NAMES)

    def judge(self, chance: random.Random) -> None:
        self.stage.now += timedelta(seconds=1)
        rule, some = chance.choice(self.rules), chance.sample(NAMES, 4)
        open_ = set(Alert.objects.open().filter(rule=rule).values_list("server__name", flat=True))
        # What was closed by hand meanwhile: a judge reads what is true and goes on.
        with suppress(Alert.DoesNotExist):
            self.stage.end(rule, *(name for name in some if name in open_))
            self.stage.fire(rule, *(name for name in some if name not in open_))

    def tell(self, _chance: random.Random) -> None:
        telling.step(self.stage.now)

    def answer(self, chance: random.Random) -> None:
        incident = Incident.objects.open().order_by("?").first()
        if incident is not None:
            act = chance.choice((services.acknowledge, services.unacknowledge, services.close))
            act(incident, self.stage.now, by=self.user)

    def hush(self, _chance: random.Random) -> None:
        ends = self.stage.now + timedelta(seconds=3)
        silence = Silence(team=self.team, starts_at=START, ends_at=ends, reason="work")
        silences.save(silence, self.stage.now, by=self.user)
        silences.end(silence, self.stage.now, by=self.user)

    def send(self, _chance: random.Random) -> None:
        for channel in Channel.objects.all():
            taken = claim(channel.pk, self.stage.now, 5)
            done = {"state": "sent", "lease_until": None, "sent_at": self.stage.now}
            Delivery.objects.filter(pk__in=[one.pk for one in taken]).update(**done)


def test_nobody_waits_for_another_and_nobody_is_told_twice(team: Team, person: Callable[..., User]) -> None:
    world = World(team, person())
    work = (
        (world.judge, 20),
        (world.tell, 21),
        (world.tell, 22),
        (world.answer, 15),
        (world.hush, 8),
        (world.send, 16),
    )
    doers = [Doer(what, turns) for what, turns in work]
    for doer in doers:
        doer.start()
    for doer in doers:
        doer.join(30)
    assert [doer.failed for doer in doers] == [[]] * len(doers)
    assert not any(doer.is_alive() for doer in doers)
    for rule in world.rules:
        world.stage.end(rule, *Alert.objects.open().filter(rule=rule).values_list("server__name", flat=True))
    world.stage.after(400)
    _check()


def _check() -> None:
    assert not Notice.objects.untold().exists()
    assert not Step.objects.filter(done_at=None).exists()
    assert not Incident.objects.exclude(next_at=None).exists()
    told = Counter(
        Delivery.objects.filter(notice__kind__in=("firing", "resolved")).exclude(notice__alert=None).values_list(
            "notice__alert", "notice__transition", "channel", "recipient"
        )
    )  # fmt: skip
    assert max(told.values()) == 1
