"""How long from a breaching sample's post to the webhook at its receiver, and to the end of the alert."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from bench.figures import row, spread
from tests.flow.test_thread import Agent
from tests.product import Product, WebhookSink, until

ROUNDS = 30


def main() -> int:
    fired = []
    with (
        tempfile.TemporaryDirectory() as folder,
        WebhookSink() as hook,
        Product(Path(folder) / "data", WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8") as product,
    ):
        _watch(product, product.api_token(), hook)
        agent = Agent(product, "bench", product.enrol_token("bench"))
        for done in range(ROUNDS):
            _tell(agent, hook, 10.0, 2 * done)
            fired.append(_tell(agent, hook, 99.0, 2 * done + 1))
    row("sample to webhook, seconds", spread(fired), "p50 <= 0.1")
    return 0


def _watch(product: Product, token: str, hook: WebhookSink) -> None:
    config = {"url": hook.url, "secret": "bench"}
    channel = product.request(
        "POST", "/api/v1/channels", {"name": "h", "kind": "webhook", "config": config}, token=token
    )
    rule = {
        "name": "bench", "metric": "cpu_used_percent", "critical": 95, "critical_recover": 80, "group_wait": 0,
        "notify": [{"channel": channel.json()["id"]}],
    }  # fmt: skip
    assert product.request("POST", "/api/v1/rules", rule, token=token).status == 201


def _tell(agent: Agent, hook: WebhookSink, value: float, told: int) -> float:
    """Post a value and wait until the receiver has heard so many messages."""
    began = time.time()
    agent.post(value)
    until(lambda: len(hook.requests) == told)
    return hook.requests[-1].at - began if hook.requests else 0.0


if __name__ == "__main__":
    sys.exit(main())
