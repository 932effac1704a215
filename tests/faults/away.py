"""The hub is away for minutes under the rule "server down": nobody is called down for that, and a real silence is."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from dataclasses import dataclass, field

from tests.faults.chaos import Running, enroller
from tests.product import WebhookSink, until

EVERY = 5.0
DOWN = "Server down"


class Talker(threading.Thread):
    """Posts each five seconds, to whoever answers, until told to be silent."""

    def __init__(self, name: str, key: str, addresses: list[tuple[str, int]]) -> None:
        super().__init__(name=name, daemon=True)
        self.key, self.addresses = key, addresses
        self.silent, self.over = threading.Event(), threading.Event()
        self.acknowledged = 0

    def run(self) -> None:
        turn = 0
        while not self.over.wait(EVERY):
            turn += 1
            if not self.silent.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._post(self.addresses[turn % len(self.addresses)])

    def _post(self, address: tuple[str, int]) -> None:
        connection = http.client.HTTPConnection(*address, timeout=5)
        body = f'{{"samples": [{{"t": {time.time():.3f}, "m": {{"cpu_used_percent": 5}}}}]}}'
        try:
            connection.request("POST", "/api/v1/ingest", body, {"Authorization": f"Bearer {self.key}"})
            self.acknowledged += connection.getresponse().status == 200
        finally:
            connection.close()


@dataclass
class Found:
    false: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Events of the server that was really silent, in their order."""
    after: float = 0.0
    """Until it was told, from the hub's start."""


def run(product: Running, servers: int = 20, seconds: float = 120.0) -> Found:
    """One falls silent while the hub is away; the others go on."""
    product.start()
    token, enrol = product.api_token(), enroller(product)
    with WebhookSink() as hook:
        _watch(product, token, hook.url)
        talkers = [Talker(name, enrol(name)[1], product.addresses) for name in map("live-{}".format, range(servers))]
        for one in talkers:
            one.start()
        until(lambda: all(one.acknowledged > 1 for one in talkers), 60)
        product.kill()
        gone = talkers[0]
        gone.silent.set()
        time.sleep(seconds)
        product.start()
        began = time.monotonic()
        with contextlib.suppress(AssertionError):
            until(lambda: _of(hook, gone.name), 240)
        found = Found(after=time.monotonic() - began)
        time.sleep(15)
        gone.silent.clear()
        with contextlib.suppress(AssertionError):
            until(lambda: "resolved" in _of(hook, gone.name), 60)
        time.sleep(5)
        found.told = _of(hook, gone.name)
        found.false = [f"{one.name}: {_of(hook, one.name)}" for one in talkers[1:] if _of(hook, one.name)]
        for one in talkers:
            one.over.set()
    return found


def _watch(product: Running, token: str, url: str) -> None:
    made = product.request(
        "POST", "/api/v1/channels", {"name": "hook", "kind": "webhook", "config": {"url": url}}, token=token
    )
    assert made.status == 201, made
    rules = product.request("GET", "/api/v1/rules?limit=500", token=token).json()["results"]
    rule = next(one["id"] for one in rules if one["name"] == DOWN)
    told = {"group_wait": 0, "notify": [{"channel": made.json()["id"]}]}
    reply = product.request("PATCH", f"/api/v1/rules/{rule}", told, token=token)
    assert reply.status == 200, reply


def _of(hook: WebhookSink, server: str) -> list[str]:
    bodies = [one.json for one in tuple(hook.requests)]
    return [body["event"] for body in bodies if body["rule"] == DOWN and body["server"].get("name") == server]
