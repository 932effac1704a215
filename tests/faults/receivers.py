"""Receivers in every kind of trouble, each a channel of its own: nothing is lost, and none delays another."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.faults.alarms import METRIC, RULE, Machine, Plan
from tests.faults.chaos import Running, enroller
from tests.product import WebhookSink, until
from tests.sinks import Answer, Received, Reply

ASKED = 7  # seconds that the receiver wants to be left alone, by Retry-After
TROUBLES = ("well", "away", "503", "hang", "429", "reset", "lost answer")
ANSWERS: dict[str, Answer] = {
    "503": 503, "hang": 200, "429": Reply(429, "slow down", {"Retry-After": str(ASKED)}), "reset": -1,
    "lost answer": 0,
}  # fmt: skip
SETTLE = 240.0
UNDER_WAY = 0.5  # what was sent before the answer of its neighbour was read


class Receiver:
    """Takes messages; while `ill` it fails in its own way."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        self.ill = trouble != "well"
        self.taken: list[Received] = []
        self.asked: list[Received] = []
        self.sink = WebhookSink(self._answer)
        self.url, self.port = self.sink.url, self.sink.port
        self.well_at = time.time()
        if trouble == "away":
            self.sink.close()

    def _answer(self, received: Received) -> Answer:
        self.asked.append(received)
        if self.ill:
            if self.trouble == "hang":
                time.sleep(12)
            if self.trouble == "lost answer":
                self.taken.append(received)
            return ANSWERS[self.trouble]
        self.taken.append(received)
        return 200

    def recover(self) -> None:
        self.ill, self.well_at = False, time.time()
        if self.trouble == "away":
            self.sink = WebhookSink(self._answer, port=self.port)

    def keys(self) -> set[str]:
        return {got.json["key"] for got in tuple(self.taken)}

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sink.close()


@dataclass
class Told:
    """What one receiver was owed and got."""

    trouble: str
    expected: int = 0
    tries: int = 0
    repeated: int = 0
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    slowest: float = 0.0
    late: float = 0.0
    """The last message, after the receiver was well again."""


def run(product: Running, servers: int = 4, rounds: int = 12, seconds: float = 45.0) -> list[Told]:
    """All receivers are in trouble at once while machines alarm, and get well together."""
    plan = Plan(1, servers=servers, rounds=rounds)
    product.start()
    token, enrol = product.api_token(), enroller(product)
    with _receivers() as receivers:
        _watch(product, token, receivers)
        machines = [
            Machine(f"moody-{number}", enrol(f"moody-{number}")[1], product.addresses, plan)
            for number in range(servers)
        ]
        for machine in machines:
            machine.start()
        time.sleep(seconds)
        for one in receivers:
            one.recover()
        for machine in machines:
            machine.join(plan.rounds * plan.pause * 4)
        owed = 2 * sum(len(machine.breaches) for machine in machines)
        with contextlib.suppress(AssertionError):  # what is missing is counted below
            until(
                lambda: all(len({got.json["key"] for got in tuple(one.taken)}) >= owed for one in receivers), SETTLE
            )
        time.sleep(1)
        return [judge(one, machines) for one in receivers]


@contextmanager
def _receivers() -> Iterator[list[Receiver]]:
    with ExitStack() as stack:
        receivers = [Receiver(trouble) for trouble in TROUBLES]
        for one in receivers:
            stack.callback(one.close)
        yield receivers


def _watch(product: Running, token: str, receivers: list[Receiver]) -> None:
    notify = []
    for one in receivers:
        fields: dict[str, Any] = {"name": one.trouble, "kind": "webhook", "config": {"url": one.url}}
        made = product.request("POST", "/api/v1/channels", fields, token=token)
        assert made.status == 201, made
        notify.append({"channel": made.json()["id"]})
    rule = {"name": RULE, "metric": METRIC, "critical": 95, "critical_recover": 80, "group_wait": 0}
    reply = product.request("POST", "/api/v1/rules", {**rule, "notify": notify}, token=token)
    assert reply.status == 201, reply


def judge(one: Receiver, machines: list[Machine]) -> Told:
    """Each breach and its end once, in this order, under one key however often it was tried."""
    one.asked = [got for got in one.asked if got.json["rule"] == RULE]  # machines that are done are told to be down
    one.taken = [got for got in one.taken if got.json["rule"] == RULE]
    found = Told(one.trouble, tries=len(one.asked), repeated=len(one.taken) - len(one.keys()))
    first: dict[tuple[str, str, float], float] = {}
    keys: dict[tuple[str, str, float], set[str]] = {}
    for got in one.asked:
        keys.setdefault(_what(got.json), set()).add(got.json["key"])
    for got in one.taken:
        first.setdefault(_what(got.json), got.at)
    for machine in machines:
        found.strange += [machine.fault] if machine.fault else []
        for since in machine.breaches:
            events = [first.pop((machine.name, event, since), None) for event in ("firing", "resolved")]
            found.expected += 2
            found.lost += [f"{machine.name} of {since}: {events}"] * events.count(None)
            if None not in events and events[0] > events[1]:  # type: ignore[operator]
                found.strange.append(f"{machine.name}: the end of {since} came before its beginning")
    found.strange += [f"{what} came unasked" for what in first]
    found.strange += [f"{what} under {len(some)} keys" for what, some in keys.items() if len(some) > 1]
    found.strange += _impatient(one)
    found.late = max(0.0, max((got.at for got in one.taken), default=0) - one.well_at)
    found.slowest = max((got.at - got.json["at"] for got in one.taken), default=0.0)
    return found


def _what(body: dict[str, Any]) -> tuple[str, str, float]:
    return body["server"].get("name", ""), body["event"], round(body["since"], 3)


def _impatient(one: Receiver) -> list[str]:
    """Who answers 429 with Retry-After hears nothing until then, and something right after."""
    if one.trouble != "429":
        return []
    found = []
    times = [got.at for got in one.asked if got.at <= one.well_at]
    for before, after in pairwise(times):
        if UNDER_WAY < after - before < ASKED:
            found.append(f"asked again after {after - before:.1f} s, not {ASKED}")
        if after - before > ASKED + 3:
            found.append(f"asked again only after {after - before:.1f} s, not {ASKED}")
    return found
