"""Trouble on purpose: a machine that never was, and what it says."""

from __future__ import annotations

import time
from typing import Any

from tests.product import Product

HIGH, CALM = 97.0, 20.0


class Machine:
    """Enrolled, and hot or calm as it is told to be."""

    def __init__(self, hub: Product, name: str) -> None:
        self.hub, self.name = hub, name
        self.id, self.key = hub.enrol(name)
        self.told = 0.0

    def say(self, value: float = CALM, at: float | None = None, **more: float) -> float:
        """One report now; answers when it was sent."""
        moment = at or max(time.time(), self.told + 0.01)
        self.told = moment
        body = {"samples": [{"t": moment, "m": {"cpu_used_percent": value, **more}}]}
        answer = self.hub.request("POST", "/api/v1/ingest", body, token=self.key)
        assert answer.status == 200, answer.body
        return time.monotonic()

    def past(self, values: list[float], every: float = 60, **more: float) -> None:
        """What it would have told before, the newest so many seconds ago."""
        begin = time.time() - every * len(values)
        samples = [
            {"t": begin + i * every, "m": {"cpu_used_percent": value, **more}} for i, value in enumerate(values)
        ]
        answer = self.hub.request("POST", "/api/v1/ingest", {"samples": samples}, token=self.key)
        assert answer.status == 200, answer.body


def rule(hub: Product, token: str, name: str, selector: str, **fields: Any) -> dict[str, Any]:
    """Fires at the first hot sample, and is told at once."""
    body = {
        "name": name, "kind": "threshold", "metric": "cpu_used_percent", "labels": {}, "selector": selector,
        "op": "above", "critical": 90, "for": 0, "keep_firing_for": 0, "notify": [], "group_wait": 0,
        "group_by": ["rule", "server"], **fields,
    }  # fmt: skip
    made = hub.request("POST", "/api/v1/rules", body, token=token)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.json()
    return found
