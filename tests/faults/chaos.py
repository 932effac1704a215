"""Power cuts at random under load: what was acknowledged is read back, each value once and right, and no others."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from metrics.names import Labels
from metrics.names import write as spell
from tests import workers
from tests.faults.posting import Agent, Told, drain
from tests.faults.stored import wrong
from tests.product import Product, ScaleOut

Key = tuple[str, Labels]
HOUR = 3600
SETTLE = 120.0


class HastyProduct(Product):
    """One process on SQLite, in a hurry."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        self.words = [sys.executable, "-m", "tests.faults.hasty", "up"]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", self.port)]

    def strike(self, dice: random.Random) -> str:
        """Kill -9, sometimes stay away, start again."""
        self.kill()
        time.sleep(dice.choice((0.0, 0.0, 0.5, 2.0)))
        self.start()
        return "all"


class HastyScaleOut(ScaleOut):
    """Two webs, a worker and Beat on PostgreSQL and Redis, in a hurry."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, **more: Any) -> None:
        super().__init__(folder, database_url, redis_url, WATCHKEEPER_SECRET_KEY="k" * 50, **more)
        self.second = ScaleOut(
            folder.with_name(f"{folder.name}-2"), database_url, redis_url, WATCHKEEPER_SECRET_KEY="k" * 50, **more
        )

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", self.port), ("127.0.0.1", self.second.port)]

    def start(self, *roles: str) -> HastyScaleOut:
        if not self.roles:
            self.prepare()
        for role in roles or ("web", "second", "worker", "beat"):
            owner, name = (self.second, "web") if role == "second" else (self, role)
            self.roles[role] = owner.spawn(sys.executable, "-m", "tests.faults.hasty", "run", name)
        self.wait_ready()
        self.second.wait_ready()
        return self

    def kill(self) -> None:
        super().kill()
        self.second.kill()

    def kill_role(self, role: str) -> None:
        if role == "second":
            self.second.kill()
        else:
            super().kill_role(role)

    def strike(self, dice: random.Random) -> str:
        """All of them, or some: the others go on meanwhile."""
        whole = ("web", "second", "worker", "beat")
        chosen = whole if dice.random() < 0.3 else tuple(role for role in whole if dice.random() < 0.5) or ("worker",)
        for role in chosen:
            self.kill_role(role)
        time.sleep(dice.choice((0.0, 0.0, 0.5, 2.0)))
        self.start(*chosen)
        return "+".join(chosen)


class TwoOfEach(HastyScaleOut):
    """Two of every role; the clock of the second ones is ahead."""

    def __init__(
        self, folder: Path, database_url: str, redis_url: str, ahead: Mapping[str, str], **more: Any
    ) -> None:
        super().__init__(folder, database_url, redis_url, **more)
        self.second.environment.update(ahead)

    def start(self, *roles: str) -> TwoOfEach:
        super().start(*roles)
        if not roles:
            for name in ("worker", "beat"):
                self.second.spawn(sys.executable, "-m", "tests.faults.hasty", "run", name)
        return self


Running = HastyProduct | HastyScaleOut
Trouble = Callable[[Told], None]


@dataclass
class Plan:
    seed: int
    kills: int
    agents: int = 24
    lanes: int = 2
    pause: float = 0.5  # between an agent's posts, on each of its lanes
    apart: tuple[float, float] = (1.0, 6.0)  # seconds between kills
    before: float = 0.0  # of load, before the first of them
    again: bool = True  # ask all of it once more after another start


@dataclass
class Found:
    told: Told
    struck: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    removed: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        told = self.told
        return (
            f"{len(self.struck)} kills, {told.acknowledged} batches with {told.values} values acknowledged, "
            f"{told.repeats} repeats, {told.cut} cut off, answers {dict(told.statuses)}, "
            f"{self.removed} servers removed meanwhile, {self.seconds:.0f} s"
        )


class Fleet(threading.Thread):
    """All agents, on an event loop of their own."""

    def __init__(self, plan: Plan, agents: list[Agent], addresses: list[tuple[str, int]]) -> None:
        super().__init__(name="agents", daemon=True)
        self.plan, self.agents, self.addresses = plan, agents, addresses
        self.error: BaseException | None = None
        self.ending = threading.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001 - told by whoever joins us
            self.error = error

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for agent in self.agents:
                for _ in range(self.plan.lanes):
                    group.create_task(agent.lane(self.addresses, self.plan.pause))
            await asyncio.to_thread(self.ending.wait)
            await drain(self.agents, 90)

    def finish(self) -> None:
        self.ending.set()
        self.join(120)
        if self.error:
            raise self.error
        assert not self.is_alive(), "the agents never come to an end"


class Mayflies:
    """Servers that report a little and are removed, so that there is something to expire."""

    def __init__(self, product: Running, token: str, enrol: Callable[[str], tuple[str, str]]) -> None:
        self.product, self.token, self.enrol = product, token, enrol
        self.count = 0

    def one(self) -> None:
        server, key = self.enrol(f"mayfly-{self.count}")
        begin = int(time.time()) - 3 * HOUR
        body = {"samples": [{"t": begin + at, "m": {"cpu_used_percent": 1.0, "mayfly": at}} for at in range(200)]}
        assert self.product.request("POST", "/api/v1/ingest", body, token=key).status == 200
        time.sleep(0.2)
        removed = self.product.request("DELETE", f"/api/v1/servers/{server}", token=self.token)
        assert removed.status in {200, 204}, removed
        self.count += 1


def run(product: Running, plan: Plan, folder: Path, trouble: Trouble | None = None) -> Found:
    """Load, kills, calm; then everything is asked back, before and after one more start."""
    began, dice = time.monotonic(), random.Random(plan.seed)
    product.start()
    token, enrol = product.api_token(), enroller(product)
    told = Told()
    agents = [
        Agent(name, *enrol(name), told, f"{plan.seed} {name}") for name in map("chaos-{}".format, range(plan.agents))
    ]
    found, mayflies = Found(told), Mayflies(product, token, enrol)
    with posting(Fleet(plan, agents, product.addresses)):
        time.sleep(plan.before)
        for number in range(plan.kills):
            if number % 3 == 0:
                mayflies.one()
            time.sleep(dice.uniform(*plan.apart))
            found.struck.append(product.strike(dice))
        if trouble:
            trouble(told)
    found.faults += told.faults
    found.faults += ask_back(product, token, agents)
    found.faults += ask_inside(product, agents, folder)
    if plan.again:
        product.kill()
        product.start()
        found.faults += ask_back(product, token, agents)
    found.removed, found.seconds = mayflies.count, time.monotonic() - began
    return found


@contextmanager
def posting(fleet: Fleet) -> Iterator[None]:
    fleet.start()
    try:
        yield
    finally:
        fleet.finish()


def enroller(product: Product | ScaleOut) -> Callable[[str], tuple[str, str]]:
    """Machines by one reusable invitation, through the door."""
    invitation = invite(product)

    def enrol(name: str) -> tuple[str, str]:
        body = {"token": invitation, "hostname": name, "fingerprint": f"print-of-{name}", "facts": {}}
        reply = product.request("POST", "/api/v1/enrol", body)
        assert reply.status == 201, reply
        return reply.json()["server"], reply.json()["key"]

    return enrol


def invite(product: Product | ScaleOut) -> str:
    if not workers.running():
        return product.manage("enrol_token", "--name", "chaos", "--reusable")
    from accounts.models import Team
    from servers.services import make_enrolment

    return product.inside(lambda: make_enrolment(Team.objects.get(), "chaos", reusable=True))


def ask_back(product: Running, token: str, agents: list[Agent]) -> list[str]:
    """Every value of every agent, through the reading API."""
    faults: list[str] = []
    for agent in agents:
        have, doubled = stored(product, token, agent)
        faults += [f"{agent.name}: {count} times {at} in {key}" for key, at, count in doubled]
        for key in have.keys() | agent.truth.keys():
            one, wanted = have.get(key, {}), agent.truth.get(key, {})
            wrong = [at for at in one.keys() | wanted.keys() if repr(one.get(at)) != repr(wanted.get(at))]
            faults += [f"{agent.name} {key} at {at}: {one.get(at)} for {wanted.get(at)}" for at in sorted(wrong)]
    return faults


def stored(
    product: Running, token: str, agent: Agent
) -> tuple[dict[Key, dict[int, float]], list[tuple[Key, int, int]]]:
    metrics = sorted({metric for metric, _ in agent.truth})
    found: dict[Key, dict[int, float]] = {}
    doubled: list[tuple[Key, int, int]] = []
    now = time.time()
    for start, end in ((now - 80 * HOUR, now - 2 * HOUR), (now - 2 * HOUR + 0.001, now + 300)):
        query = urlencode(
            {"server": agent.server, "start": f"{start:.3f}", "end": f"{end:.3f}", "metric": metrics}, doseq=True
        )
        reply = product.request("GET", f"/api/v1/series?{query}", token=token)
        assert reply.status == 200, reply.body
        answer = reply.json()
        times = [round(at * 1000) for at in answer["t"]]
        for one in answer["series"]:
            key = one["metric"], tuple(sorted(one["labels"].items()))
            doubled += [(key, at, count) for at, count in Counter(times).items() if count > 1]
            some = {at: value for at, value in zip(times, one["v"], strict=True) if value is not None}
            found.setdefault(key, {}).update(some)
    return {key: some for key, some in found.items() if some}, doubled


def ask_inside(product: Running, agents: list[Agent], folder: Path) -> list[str]:
    """Samples, buckets and what is kept by metric, once all of it is sealed and merged."""
    product.environment.pop("LD_PRELOAD", None)  # a clock that jumps is over; its library fails a plain sleep
    truth = folder / "truth.json"
    truth.write_text(json.dumps({
        "seconds": SETTLE,
        "servers": {
            agent.server: {
                "steady": agent.steady,
                "values": {metric + spell(labels): told for (metric, labels), told in agent.truth.items()},
            }
            for agent in agents
        },
    }), encoding="utf-8")  # fmt: skip
    if workers.running():  # Django is set up there, and a process for it takes seconds
        return product.inside(lambda: wrong(str(truth)))
    said = product.manage("shell", "-v", "0", "-c", f"from tests.faults.stored import main; main({str(truth)!r})")
    found = json.loads(said.splitlines()[-1])
    more = [f"and {found['count'] - len(found['faults'])} more"] if found["count"] > len(found["faults"]) else []
    return [*found["faults"], *more]
