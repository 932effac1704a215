"""A check that a real agent runs: made over the API, sent down, looked at, told as series, alerted, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checks.pages import Pages
from tests.product import Product, WebhookSink, until

AGENT = Path(__file__).parents[2] / "agent"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """The hub may reach its own webhook; of the page that is looked at it knows nothing but what the agent tells."""
    with Product(tmp_path / "data", WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8") as running:
        yield running


@pytest.fixture
def agent(product: Product, tmp_path: Path) -> Iterator[str]:
    """The agent program on a machine whose owner lets it look at its loopback; gives its server."""
    words = [sys.executable, "-m", "watchkeeper_agent"]
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(AGENT)}
    place = tmp_path / "agent" / "agent.json"
    enrolled = subprocess.run(
        [*words, "enrol", "--url", product.url, "--config", str(place), "--name", "edge-1"],
        env={**plain, "WATCHKEEPER_TOKEN": product.enrol_token("edge-1")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert enrolled.returncode == 0, enrolled.stderr
    document = json.loads(place.read_text())
    collect = {"probe_private": ["127.0.0.0/8"]}
    place.write_text(json.dumps({**document, "collect": {**document.get("collect", {}), **collect}}))
    # Before its first report, whose answer says so: it samples and looks every two seconds from the beginning.
    changed = product.request(
        "PATCH", f"/api/v1/servers/{document['server']}", {"interval": 2}, token=product.api_token()
    )
    assert changed.status == 200, changed.body
    with (tmp_path / "agent.log").open("w") as log:
        run = [*words, "run", "--config", str(place), "--with-parent"]
        child = subprocess.Popen(run, env=plain, stdin=subprocess.PIPE, stdout=log, stderr=log)
        yield document["server"]
        child.terminate()
        child.communicate(timeout=20)


def test_a_check_of_an_agent_goes_from_its_making_to_series_alert_and_end(product: Product, agent: str) -> None:
    token = product.api_token()

    def call(method: str, path: str, body: Any = None) -> Any:
        reply = product.request(method, path, body, token=token)
        assert reply.status < 300, (path, reply.body)
        return reply.json() if reply.body else None

    with WebhookSink() as hook, Pages() as pages:
        config = {"url": hook.url, "secret": "s3cret"}
        channel = call("POST", "/api/v1/channels", {"name": "hook", "kind": "webhook", "config": config})["id"]
        rules = {one["name"]: one["id"] for one in call("GET", "/api/v1/rules?limit=200")["results"]}
        wanted = {"notify": [{"channel": channel}], "group_wait": 0}
        call("PATCH", f"/api/v1/rules/{rules['Check down']}", wanted)

        asked = {
            "name": "Inside", "kind": "http", "target": pages.url("/"), "server": agent, "by_agent": True,
            "interval": 10, "retries": 0, "config": {"text": "all is well"},
        }  # fmt: skip
        made = call("POST", "/api/v1/checks", asked)
        place = f"/api/v1/checks/{made['id']}"
        until(lambda: pages.asked, 40, "the agent looked")

        def series(metric: str) -> Any:
            found = call("GET", f"/api/v1/series?server={agent}&metric={metric}")["series"]
            mine = [one for one in found if one["labels"] == {"check": "Inside"}]
            return [value for value in mine[0]["v"] if value is not None] if mine else []

        until(lambda: series("check_up"), 30, "its series")
        assert series("check_up")[-1] == 1
        assert 0 < series("check_response_seconds")[-1] < 5
        until(lambda: call("GET", place)["run"]["state"] == "up", 30, "how it stands")

        pages.status = 500
        fired = told(hook, "firing")
        assert (fired["server"]["name"], fired["labels"]) == ("edge-1", {"check": "Inside"})
        until(lambda: call("GET", place)["run"]["state"] == "down", 30, "down")
        [down] = call("GET", f"{place}/events")["results"]
        assert down["text"] == "Check Inside is down: It answers 500, not 200-299."
        pages.status = 200
        call("PATCH", place, {"interval": 11})  # what it is asked anew is looked at at once
        told(hook, "resolved")

        call("DELETE", place)
        last = len(pages.asked)
        until(lambda: not json.loads(probes(product))["checks"], 30, "the order that ends it")
        assert len(pages.asked) - last <= 1


def probes(product: Product) -> str:
    """What the agent keeps beside its file."""
    return (product.folder.parent / "agent" / "probes.json").read_text()


def told(hook: WebhookSink, event: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [one.json for one in hook.requests if one.json["event"] == event and one.json["rule"] == "Check down"]

    until(found, 45, event)
    return found()[-1]
