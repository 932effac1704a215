"""A thin agent for tests and benchmarks; it needs no Django."""

from __future__ import annotations

import http.client
import time
from typing import Any
from uuid import uuid4

from metrics.names import layout_hash
from tests.product import Product, ScaleOut

COLUMNS = ["cpu_used_percent", 'disk_used_percent{mount="/"}']
Running = Product | ScaleOut


class Agent:
    """A thin agent: enrols, posts one row at a time, and remembers what was acknowledged."""

    def __init__(self, product: Running, name: str, token: str) -> None:
        self.product, self.name, self.boot, self.seq = product, name, str(uuid4()), 0
        asked = {"token": token, "hostname": name, "fingerprint": f"print-{name}", "facts": {}}
        reply = product.request("POST", "/api/v1/enrol", asked)
        assert reply.status == 201, reply.body
        self.server, self.key = reply.json()["server"], reply.json()["key"]
        self.acknowledged: dict[float, float] = {}

    def post(self, cpu: float, at: float | None = None, *, tries: int = 200) -> Any:
        """The same batch again and again until it is acknowledged, as agents do."""
        self.seq += 1
        moment = round(at or time.time(), 3)
        body = {
            "agent": "test", "boot": self.boot, "seq": self.seq, "layout": layout_hash(COLUMNS),
            "columns": COLUMNS, "rows": [[moment, cpu, 50.0]],
        }  # fmt: skip
        for _ in range(tries):
            try:
                reply = self.product.request("POST", "/api/v1/ingest", body, token=self.key)
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
                continue
            if reply.status == 200:
                assert reply.json()["ack"] == self.seq
                self.acknowledged[moment] = cpu
                return reply.json()
            assert reply.status == 503, reply.body
            time.sleep(0.1)
        raise AssertionError("never acknowledged")
