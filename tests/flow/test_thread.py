"""From a machine to a person: agent door, journal, rule, alert, notice, webhook and mail; killed in the middle."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from alerts.channels.webhook import Webhook
from alerts.models import Delivery
from core.clock import now
from core.models import Lease
from tests.flow.thin import Agent, Running
from tests.product import MailSink, Product, ScaleOut, WebhookSink, room, until
from tests.services import a_site, empty_redis


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[str]:
    with a_site(postgres_url) as url:
        yield url


@pytest.fixture(scope="module", params=["embedded", "scale-out"])
def product(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mail: MailSink
) -> Iterator[Running]:
    """One of each profile for the whole file: to start three processes takes longer than to test them."""
    tmp_path = tmp_path_factory.mktemp("thread")
    common: dict[str, Any] = {"WATCHKEEPER_OUTGOING_ALLOW": "127.0.0.0/8", "EMAIL_URL": mail.url}
    made: Running
    if request.param == "embedded":
        made = Product(tmp_path / "data", **common)
    else:
        made = ScaleOut(tmp_path / "data", request.getfixturevalue("database"), empty_redis(), **common)
    with made as started:
        yield started


@pytest.fixture(scope="module")
def mail() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


@pytest.fixture
def hook() -> Iterator[WebhookSink]:
    with WebhookSink() as sink:
        yield sink


@pytest.fixture
def call(product: Running) -> Callable[..., Any]:
    """The API with an admin's token."""
    token = product.api_token()

    def ask(method: str, path: str, body: Any = None) -> Any:
        reply = product.request(method, path, body, token=token)
        assert reply.status < 300, reply.body
        return reply.json()

    return ask


def watch(call: Callable[..., Any], hook: WebhookSink, mark: str) -> None:
    """A webhook, a mail channel and one rule that tells both of the servers so named."""
    config = {"url": hook.url, "secret": "s3cret"}
    first = call("POST", "/api/v1/channels", {"name": f"{mark} hook", "kind": "webhook", "config": config})
    second = call(
        "POST", "/api/v1/channels",
        {"name": f"{mark} mail", "kind": "email", "config": {"to": ["night@example.org"]}, "storm_cap": 0},
    )  # fmt: skip
    call(
        "POST", "/api/v1/rules",
        {
            "name": f"CPU {mark}", "selector": f"name:{mark}-*", "metric": "cpu_used_percent", "op": "above",
            "critical": 95, "critical_recover": 80,
            "notify": [{"channel": first["id"]}, {"channel": second["id"]}], "group_wait": 0,
        },
    )  # fmt: skip


def events(hook: WebhookSink) -> list[str]:
    return [request.json["event"] for request in hook.requests]


def test_a_hot_machine_is_told_by_webhook_and_mail_and_so_is_its_end(
    product: Running, call: Callable[..., Any], hook: WebhookSink, mail: MailSink
) -> None:
    watch(call, hook, "hot")
    agent = Agent(product, "hot-1", product.enrol_token("hot"))
    agent.post(20)
    began = time.monotonic()
    agent.post(97.1)
    until(lambda: "firing" in events(hook), what="the webhook")
    assert time.monotonic() - began < 5 * room()
    until(lambda: mail.messages, what="the mail")
    agent.post(40)
    until(lambda: events(hook) == ["firing", "resolved"], what="the webhook of the end")

    told = hook.requests[0].json
    assert (told["severity"], told["rule"], told["metric"]) == ("critical", "CPU hot", "cpu_used_percent")
    assert (told["value"], told["limit"], told["server"]["name"]) == (97.1, 95, "hot-1")
    assert hook.requests[0].headers["Idempotency-Key"] == told["key"]
    assert hook.requests[0].headers["X-Watchkeeper-Signature"].startswith("t=")
    assert "hot-1" in str(mail.messages[0]["Subject"])

    page = product.request("GET", f"/api/v1/incidents/{told['incident']}", token=product.api_token())
    assert page.json()["state"] == "resolved"


def test_a_batch_sent_again_has_no_second_effect(product: Running, call: Callable[..., Any]) -> None:
    agent = Agent(product, "again-1", product.enrol_token("again"))
    first = agent.post(20)
    agent.seq -= 1
    again = agent.post(20, at=next(iter(agent.acknowledged)))
    assert (again["ack"], again["accepted"]) == (first["ack"], first["accepted"])
    assert stored(call, agent) == [20]


def test_nothing_acknowledged_is_lost_and_nothing_told_twice_when_killed(
    product: Running, call: Callable[..., Any], hook: WebhookSink
) -> None:
    """Kill -9 while posts and alerts flow; then every acknowledged sample and every alert is there."""
    watch(call, hook, "web")
    hook.delay = 0.05
    agents = [Agent(product, f"web-{n}", product.enrol_token(f"web-{n}")) for n in range(4)]
    rounds = 6

    def flow(agent: Agent) -> None:
        for _ in range(rounds):
            agent.post(20)
            agent.post(99)  # fires
            time.sleep(0.3)
            agent.post(30)  # resolves
            time.sleep(0.2)

    flows = [threading.Thread(target=flow, args=(agent,)) for agent in agents]
    for each in flows:
        each.start()
    kills = 2
    for _ in range(kills):
        time.sleep(1.5)
        product.kill()
        free(product)
        product.start()
    for each in flows:
        each.join(120)
        assert not each.is_alive()

    for agent in agents:
        assert stored(call, agent) == list(agent.acknowledged.values())
    # A busy computer judges later than it stores: nothing waits before there is anything to tell.
    wanted = {(agent.name, event): rounds for agent in agents for event in ("firing", "resolved")}
    until(lambda: told_by(hook) == wanted and not waiting(call), seconds=90, what="all of it")

    keys = Counter(request.headers["Idempotency-Key"] for request in hook.requests)
    repeats = sum(count - 1 for count in keys.values())
    assert repeats <= kills * Webhook.parallel, "more was told twice than could be in flight at the kills"
    assert told_by(hook) == wanted
    for agent in agents:
        assert incidents_of(call, agent.name) == rounds


def free(product: Running) -> None:
    """Alone on its folder the embedded profile does it itself, as soon as it starts."""
    if isinstance(product, ScaleOut):
        product.inside(lapse)


def lapse() -> None:
    """What the killed ones held is free by itself after forty seconds: five of them are left."""
    soon = now() + timedelta(seconds=5)
    Lease.objects.filter(until__gt=soon).update(until=soon)
    Delivery.objects.filter(lease_until__gt=soon).update(lease_until=soon)


def told_by(hook: WebhookSink) -> Counter[tuple[str, str]]:
    """How often each server's events were told, repeats left out."""
    by_key = {
        request.json["key"]: (request.json["server"]["name"], request.json["event"])
        for request in list(hook.requests)
    }
    return Counter(by_key.values())


def stored(call: Callable[..., Any], agent: Agent) -> list[float]:
    start = min(agent.acknowledged) - 1
    found = call("GET", f"/api/v1/series?server={agent.server}&metric=cpu_used_percent&start={start}")
    return list(found["series"][0]["v"])


def waiting(call: Callable[..., Any]) -> bool:
    notices = call("GET", "/api/v1/notices?size=1000")["results"]
    return any(one["state"] == "waiting" for notice in notices for one in notice["deliveries"])


def incidents_of(call: Callable[..., Any], name: str) -> int:
    listed = call("GET", "/api/v1/incidents?size=1000")["results"]
    return sum(name in one["title"] for one in listed)
