"""How long from a breaching sample's post to the webhook at its receiver, and to the end of the alert.

With `--agents N` so many others post meanwhile, judged by `--rules` of their own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench._figures import row, spread
from bench._posts import Work
from bench.ingest import MAKE, VALUES, WARM
from metrics.names import layout_hash
from tests.flow.thin import Agent
from tests.product import Product, WebhookSink, until

ROUNDS = 30


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench thread", description=__doc__, allow_abbrev=False)
    asked.add_argument("--agents", type=int, default=0, help="others that post each ten seconds meanwhile")
    asked.add_argument("--rules", type=int, default=200, help="that judge what the others post")
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    given = asked.parse_args()
    fired = []
    with (
        tempfile.TemporaryDirectory() as folder,
        WebhookSink() as hook,
        Product(Path(folder) / "data", WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8") as product,
    ):
        _watch(product, product.api_token(), hook)
        agent = Agent(product, "bench", product.enrol_token("bench"))
        with _others(product, given.agents, given.rules, Path(folder)):
            for done in range(given.rounds):
                _tell(agent, hook, 10.0, 2 * done)
                fired.append(_tell(agent, hook, 99.0, 2 * done + 1))
    row("sample to webhook, seconds", spread(fired), "p50 <= 0.1, p95 <= 0.5; with 1,000 agents p99 <= 5")
    return 0


@contextmanager
def _others(product: Product, count: int, rules: int, folder: Path) -> Iterator[None]:
    """So many agents that post each ten seconds, from a process of their own."""
    if not count:
        yield
        return
    columns = [f"bench_{number:02}" for number in range(VALUES)]
    judged = [columns[number % VALUES] for number in range(rules)]
    keys = json.loads(product.manage("shell", "-v", "0", "-c", MAKE.format(servers=count, rules=judged)))
    work = Work(f"{product.url}/api/v1/ingest", keys, columns, layout_hash(columns), 600.0, WARM)
    file = folder / "work.json"
    file.touch(0o600)
    file.write_text(json.dumps(asdict(work)), encoding="utf-8")
    time.sleep(3)  # until the keys are read
    child = subprocess.Popen([sys.executable, "-m", "bench._posts", str(file)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(WARM)
        yield
    finally:
        child.kill()
        child.wait()


def _watch(product: Product, token: str, hook: WebhookSink) -> None:
    config = {"url": hook.url, "secret": "bench"}
    channel = product.request(
        "POST", "/api/v1/channels", {"name": "h", "kind": "webhook", "config": config}, token=token
    )
    rule = {
        "name": "bench", "selector": "name:bench", "metric": "cpu_used_percent", "critical": 95,
        "critical_recover": 80, "group_wait": 0,
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
