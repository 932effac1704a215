"""A chain climbs over real receivers until somebody presses the button of the link they were sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Membership, Team, User
from alerts.delivery import Dispatcher
from alerts.models import Chain, Channel, Incident, Step, Way
from alerts.services import answering_links, chains
from core.clock import now
from core.runner import Loop
from tests.sinks import WebhookSink

WAIT = {"kind": "wait", "seconds": 1}  # the API asks for a minute at least: nobody answers faster


@pytest.fixture
def sinks() -> Iterator[list[WebhookSink]]:
    opened = [WebhookSink() for _ in range(3)]
    yield opened
    for sink in opened:
        sink.close()


@pytest.fixture
def loops(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What tells and what sends, as the product runs them."""
    monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=("127.0.0.0/8",)))

    def step() -> bool:
        soonest = chains.run_due(now())
        telling.every = min(0.5, max(0.02, (soonest - now()).total_seconds())) if soonest else 0.5
        return False

    telling = Loop("telling", step, every=0.5)
    running = [telling, Dispatcher()]
    for loop in running:
        loop.start()
    yield
    for loop in running:
        loop.end(5)


def over(sink: WebhookSink, name: str, *, team: Team | None = None, owner: User | None = None) -> Channel:
    channel = Channel(team=team, owner=owner, name=name, kind="webhook")
    channel.config = {"url": sink.url}
    channel.save()
    return channel


def member(team: Team, name: str, sink: WebhookSink) -> User:
    user = User.objects.create(email=f"{name.lower()}@example.org", first_name=name, password="!")
    Membership.objects.create(team=team, user=user, role="operator")
    Way.objects.create(user=user, channel=over(sink, "phone", owner=user))
    return user


def events(sink: WebhookSink) -> list[str]:
    return [one.json["event"] for one in sink.requests]


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def test_a_chain_climbs_until_somebody_acknowledges(loops: None, team: Team, sinks: list[WebhookSink]) -> None:
    maria, ole = member(team, "Maria", sinks[0]), member(team, "Ole", sinks[1])
    boss = over(sinks[2], "boss", team=team)
    asked = [{"kind": "person", "person": str(user.uuid)} for user in (maria, ole)]
    steps = [asked[0], WAIT, asked[1], {"kind": "wait", "seconds": 2}, {"kind": "channel", "channel": str(boss.uuid)}]
    chain = Chain.objects.create(team=team, name="Night", steps=steps)
    incident = Incident.objects.create(
        team=team, key="k", title="db-1: disk / is full.", severity="critical", opened_at=now()
    )
    begun = now()
    chains.begin(incident, chain, begun)
    first, _second = sinks[0].wait()[0], sinks[1].wait()[0]
    told = [step.done_at for step in Step.objects.filter(kind="person").order_by("place") if step.done_at]
    assert 1 <= (told[1] - begun).total_seconds() <= 4  # by the chain's clock: either may be on its way for a while
    assert first.json["severity"] == "critical"

    link = urlsplit(answering_links.link(incident, ole)).path
    assert settings.SITE_URL in answering_links.link(incident, ole)
    assert Client().get(link).status_code == 200  # a scanner looks first
    assert Client().post(link).status_code == 200

    time.sleep(2.5)
    assert events(sinks[2]) == []
    until(lambda: "acknowledged" in events(sinks[0]))
    assert "acknowledged" not in events(sinks[1])  # Ole knows what Ole did
    done = list(Step.objects.order_by("place").values_list("result", flat=True))
    assert done[:3] == ["Told Maria by webhook.", "Waited 1 s: nobody acknowledged.", "Told Ole by webhook."]
    assert all("Ole looks after it" in result for result in done[3:])
