"""Two loops that tell, a judge, people and silences at the same time: nobody waits for ever, nobody is told twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from accounts.models import Team, User
from alerts import services
from alerts.delivery.claiming import claim
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Silence, Step
from alerts.services import silences, telling
from core.locking import again, locked
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
        chance = random.Random(self.turns)
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


def test_closing_a_server_that_is_down_waits_for_the_judge_instead_of_blocking_it(
    team: Team, person: Callable[..., User]
) -> None:
    """Whoever closes the greater trouble frees the smaller ones: both are locked in the order of everybody."""
    stage, user = Stage(team), person()
    machine = stage.rule("machine", group_wait=600, group_by=["rule", "server"])
    down = stage.rule("down", metric="", kind="no_data", group_wait=0, group_by=["rule", "server"])
    stage.fire(machine, "web-0")
    stage.fire(down, "web-0")
    small, great = (Incident.objects.get(rule=rule) for rule in (machine, down))
    assert small.pk < great.pk
    closer = Doer(lambda _chance: services.close(great, stage.now, by=user), 1)
    with transaction.atomic():  # a judge, in the middle of its work
        list(locked(Incident.objects.filter(pk=small.pk)))
        closer.start()
        _until_somebody_waits()
        list(locked(Incident.objects.filter(pk=great.pk)))
    closer.join(10)
    assert closer.failed == []
    great.refresh_from_db()
    assert great.resolved_at is not None


def test_what_the_database_gives_up_for_another_is_done_again(team: Team) -> None:
    """The other half: who finds rows locked in an order that nobody could know tries once more."""
    stage = Stage(team)
    rules = [stage.rule(name, group_wait=0) for name in ("one", "two")]
    for rule in rules:
        stage.fire(rule, "web-0")
    first, second = (Incident.objects.get(rule=rule).pk for rule in rules)
    turns: list[int] = []

    @again
    @transaction.atomic
    def crossed(_chance: random.Random) -> None:
        turns.append(1)
        list(locked(Incident.objects.filter(pk=second)))
        list(locked(Incident.objects.filter(pk=first)))

    other = Doer(crossed, 1)
    with suppress(OperationalError), transaction.atomic():  # either of the two is given up
        list(locked(Incident.objects.filter(pk=first)))
        other.start()
        _until_somebody_waits()
        list(locked(Incident.objects.filter(pk=second)))
    other.join(10)
    assert other.failed == []
    assert 1 <= len(turns) <= 2


def _until_somebody_waits() -> None:
    """The database sees one of ours wait for a lock."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("Nobody waited.")
