"""Alerts under power cuts and a moody receiver: each acknowledged breach is told once, and so is its end."""

from __future__ import annotations

import contextlib
import http.client
import random
import re
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.faults.chaos import Running, enroller
from tests.product import WebhookSink, until
from tests.sinks import Received

METRIC, RULE = "alarm_value", "alarm"
HOT, COOL = 99.0, 10.0
MANY = re.compile(r" on (\d+) servers")
SETTLE = 180.0
PATIENCE = 120.0


@dataclass
class Plan:
    seed: int
    kills: int = 20
    servers: int = 25
    rounds: int = 40
    apart: tuple[float, float] = (1.0, 4.0)
    pause: float = 0.7  # between a machine's posts
    mood: float = 0.15  # of the receiver: how often it does not answer 200


@dataclass
class Found:
    expected: int = 0
    taken: int = 0
    struck: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    repeated: int = 0
    """Taken once more than was needed: what the receiver took and then died of is told again for that."""
    deaths: int = 0
    doubled: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        return (
            f"{len(self.struck)} kills, {self.expected} messages owed, {self.taken} taken in {self.seconds:.0f} s, "
            f"receiver refused {dict(self.refused)}, {len(self.lost)} lost, {self.deaths} told again as the "
            f"receiver had died of them, {self.repeated} beyond that under the same key, {self.doubled} told again "
            f"under another, {len(self.strange)} strange"
        )


class Moody:
    """A receiver that now and then is overloaded, slow, or takes a message and dies before it says so."""

    def __init__(self, seed: int, mood: float) -> None:
        self.dice, self.mood = random.Random(seed), mood
        self.refused: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.taken: list[Received] = []
        self.died: Counter[str] = Counter()

    def __call__(self, received: Received) -> int:
        with self.lock:
            chance = self.dice.random()
            if chance >= self.mood:
                self.taken.append(received)
                return 200
            status = self.dice.choice((500, 503, 429, 0))
            self.refused[str(status or "taken, no answer")] += 1
            if status == 0:
                self.taken.append(received)
                self.died[received.json["key"]] += 1
            return status


class Machine(threading.Thread):
    """Gets hot and cool by turns; each sample is posted until it was acknowledged."""

    def __init__(self, name: str, key: str, addresses: list[tuple[str, int]], plan: Plan) -> None:
        super().__init__(name=name, daemon=True)
        self.key, self.addresses, self.plan = key, addresses, plan
        self.dice = random.Random(f"{plan.seed} {name}")
        self.breaches: list[float] = []
        self.fault = ""

    def run(self) -> None:
        time.sleep(self.dice.uniform(0, self.plan.pause))
        for _ in range(self.plan.rounds):
            for value in (HOT, COOL):
                at = round(time.time(), 3)
                if not self._post(at, value):
                    self.fault = f"{self.name}: {at} was never acknowledged"
                    return
                if value == HOT:
                    self.breaches.append(at)
                time.sleep(self.dice.uniform(0.5, 1.5) * self.plan.pause)

    def _post(self, at: float, value: float) -> bool:
        end = time.monotonic() + PATIENCE
        body = f'{{"samples": [{{"t": {at}, "m": {{"{METRIC}": {value}}}}}]}}'
        while time.monotonic() < end:
            connection = http.client.HTTPConnection(*self.dice.choice(self.addresses), timeout=10)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("POST", "/api/v1/ingest", body, {"Authorization": f"Bearer {self.key}"})
                if connection.getresponse().status == 200:
                    connection.close()
                    return True
            connection.close()
            time.sleep(0.2)
        return False


def watch(product: Running, token: str, *urls: str, **more: Any) -> None:
    """One rule told at once by webhooks."""
    notify = []
    for number, url in enumerate(urls):
        channel = {"name": f"hook {number}", "kind": "webhook", "config": {"url": url}}
        made = product.request("POST", "/api/v1/channels", channel, token=token)
        assert made.status == 201, made
        notify.append({"channel": made.json()["id"]})
    rule = {
        "name": RULE, "metric": METRIC, "critical": 95, "critical_recover": 80, "group_wait": 0, "notify": notify,
        **more,
    }  # fmt: skip
    reply = product.request("POST", "/api/v1/rules", rule, token=token)
    assert reply.status == 201, reply


def run(product: Running, plan: Plan) -> Found:
    """Machines that alarm, kills in between, calm; then every breach is looked for at the receiver."""
    began, dice = time.monotonic(), random.Random(plan.seed)
    product.start()
    token, enrol = product.api_token(), enroller(product)
    mood, found = Moody(plan.seed, plan.mood), Found()
    with WebhookSink(mood) as hook:
        watch(product, token, hook.url)
        machines = [
            Machine(name, enrol(name)[1], product.addresses, plan)
            for name in map("alarm-{}".format, range(plan.servers))
        ]
        for machine in machines:
            machine.start()
        for _ in range(plan.kills):
            time.sleep(dice.uniform(*plan.apart))
            found.struck.append(product.strike(dice))
        for machine in machines:
            machine.join(plan.rounds * plan.pause * 4 + PATIENCE)
        mood.mood = 0.0
        owed = 2 * sum(len(machine.breaches) for machine in machines)
        with contextlib.suppress(AssertionError):  # what is missing is counted below
            until(lambda: len(mood.taken) >= owed <= len({one.json["key"] for one in tuple(mood.taken)}), SETTLE)
        time.sleep(2)
        judge(found, machines, mood)
    found.seconds = time.monotonic() - began
    return found


def judge(found: Found, machines: list[Machine], mood: Moody) -> None:
    """What each machine is owed against what was taken."""
    found.refused = mood.refused
    found.taken = len(mood.taken)
    found.strange += [machine.fault for machine in machines if machine.fault]
    keys = Counter(one.json["key"] for one in mood.taken)
    found.deaths = sum(min(count - 1, mood.died[key]) for key, count in keys.items())
    found.repeated = sum(count - 1 for count in keys.values()) - found.deaths
    told: dict[str, Counter[tuple[str, float]]] = {}
    for body in {one.json["key"]: one.json for one in mood.taken}.values():
        if body["rule"] == RULE:  # a machine that is done is silent, and told to be down
            told.setdefault(body["server"].get("name", ""), Counter())[body["event"], round(body["since"], 3)] += 1
    for machine in machines:
        mine = told.get(machine.name, Counter())
        for since in machine.breaches:
            for event in ("firing", "resolved"):
                found.expected += 1
                count = mine.pop((event, since), 0)
                found.doubled += max(0, count - 1)
                if not count:
                    found.lost.append(f"{machine.name}: {event} of {since}")
        found.strange += [f"{machine.name}: {event} of {since} came unasked" for event, since in mine]


def storm(product: Running, servers: int, channels: int = 1, **rule: Any) -> tuple[float, list[int]]:
    """So many servers alarm at once: how long until all were told on each channel, in how many messages."""
    token, enrol = product.api_token(), enroller(product)
    with ExitStack() as stack:
        hooks = [stack.enter_context(WebhookSink()) for _ in range(channels)]
        watch(product, token, *(hook.url for hook in hooks), **rule)
        keys = [enrol(f"storm-{number}")[1] for number in range(servers)]
        time.sleep(3)  # until the keys are read
        began = time.monotonic()
        _at_once(product, keys)
        heard = [Heard(hook.requests) for hook in hooks]
        until(lambda: min([one.count() for one in heard]) >= servers, 180, f"telling {servers} alerts")
        return time.monotonic() - began, [len(hook.requests) for hook in hooks]


class Heard:
    """How many servers the messages speak of; each is read once, as reading takes time from who writes them."""

    def __init__(self, requests: list[Received]) -> None:
        self.requests, self.read, self.servers = requests, 0, 0

    def count(self) -> int:
        while self.read < len(self.requests):
            body = self.requests[self.read].json
            self.read += 1
            if body["event"] == "firing":
                many = MANY.search(body["summary"])
                self.servers += int(many[1]) if many else 1
        return self.servers


def _at_once(product: Running, keys: list[str], workers: int = 8) -> None:
    work = list(keys)
    lock = threading.Lock()

    def post() -> None:
        while True:
            with lock:
                if not work:
                    return
                key = work.pop()
            body = {"samples": [{"t": round(time.time(), 3), "m": {METRIC: HOT}}]}
            assert product.request("POST", "/api/v1/ingest", body, token=key).status == 200

    threads = [threading.Thread(target=post, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
