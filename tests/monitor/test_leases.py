"""Alone on the data folder: what a killed process held is free at the next start, and nobody waits till it lapses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import Team
from alerts.models import Channel, Delivery, Incident, Notice
from checks import services
from checks.models import Check, Run
from checks.runner import Runner
from core.clock import now
from core.models import Lease
from monitor import lifespan, parts, schedule


@pytest.mark.django_db
def test_a_start_frees_what_the_one_before_held_when_it_was_killed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, later = now(), now() + timedelta(seconds=40)
    Lease.objects.create(name="rules", owner="killed", until=later)
    held = {"lease_owner": "killed", "lease_until": later}
    incident = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=at)
    notice = Notice.objects.create(incident=incident, kind="firing", at=at)
    channel = Channel.objects.create(team=team, name="Ops", kind="webhook")
    Delivery.objects.create(notice=notice, channel=channel, due_at=at, attempts=1, **held)
    beat = services.make(Check(team=team, kind="heartbeat", name="job", config={"period": 60}), by=None)
    Run.objects.filter(check_ref=beat).update(**held)
    runner = Runner(uuid.uuid4().hex)
    assert not runner.claim(at)
    assert not Lease.objects.take("rules", "next", at, 15)

    begun: list[str] = []

    def free(real: Callable[[], None] = parts.clear_leases) -> None:
        begun.append("free")
        real()

    monkeypatch.setattr(parts, "clear_leases", free)
    monkeypatch.setattr(schedule, "install", lambda: begun.append("schedule"))
    for name in ("ears", "web", "rules_and_delivery", "learning", "background"):
        monkeypatch.setattr(lifespan.parts, name, lambda name=name, **_named: begun.append(name))
    lifespan._start()
    assert begun == ["free", "schedule", "ears", "web", "rules_and_delivery", "learning", "background"]

    assert Lease.objects.take("rules", "next", now(), 15)
    assert Delivery.objects.filter(state="waiting", lease_until=None, lease_owner="", attempts=1).count() == 1
    assert [run.pk for run in runner.claim(now())] == [beat.pk]
    runner.end()
