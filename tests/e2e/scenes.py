"""Made-up fleets behind the real page: any number of servers, any trouble, a message each second."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from playwright.sync_api import Page, Route, WebSocketRoute

NEW, UP, LATE, DOWN, PAUSED = (3 * place for place in range(5))
WARN, CRITICAL = 1, 2
TAGS = [["web", "eu"], ["db"], ["api"], ["cache"], ["edge"]]
ISLAND = re.compile(r'(<script id="island-fleet" type="application/json">)(.*?)(</script>)', re.DOTALL)
Row = list[Any]


def uuid_of(number: int) -> str:
    return str(UUID(int=(0x4000_8000 << 64) + number + 1))


def row(number: int, state: int, at: float, base: float) -> Row:
    """What changes with each report; a silent one said its last word ten minutes ago."""
    silent = state // 3 * 3 in {DOWN, NEW}
    wave = (number * 37 + int(at / 10) * 11) % 60
    numbers = (
        [None] * 5 if state // 3 * 3 == NEW else [20 + wave, 30 + number % 50, 10 + number % 80, 1000 * wave, 0.4]
    )
    return [state, None if state // 3 * 3 == NEW else round((at - 600 if silent else at) - base, 1), *numbers]


class Scene:
    """So many servers; `states` names those that are not well."""

    def __init__(self, count: int, states: dict[int, int] | None = None, incidents: list[Any] | None = None) -> None:
        self.count, self.states, self.incidents = count, states or {}, incidents or []
        self.seq = 0

    def state(self, number: int) -> int:
        return self.states.get(number, UP)

    def props(self, first: dict[str, Any]) -> dict[str, Any]:
        at = time.time()
        base = int(at)
        rows = [
            [uuid_of(n), f"srv-{n}", n % 2, 0, n % 3, n % 4, 0, n % 5, 0, 10, *row(n, self.state(n), at, base)]
            for n in range(self.count)
        ]
        packed = {
            "base": base, "os": ["Debian 12", "Ubuntu 24.04"], "team": ["Main"], "role": ["web", "db", "api"],
            "site": ["Berlin", "Lima", "Oslo", "Rome"], "environment": ["production"], "tags": TAGS, "rows": rows,
        }  # fmt: skip
        seq = {"fleet": self.seq, "incidents": 0}
        return {**first, "now": at, "seq": seq, "fleet": packed, "incidents": self.incidents}

    def message(self, second: int, tenth: int | None = None) -> str:
        """A tenth of the fleet reports each second, as at an interval of ten."""
        at = time.time()
        base = int(at)
        mine = range((second if tenth is None else tenth) % 10, self.count, 10)
        rows = [[uuid_of(n)[-12:], *row(n, self.state(n), at, base)] for n in mine if self.state(n) // 3 * 3 != DOWN]
        self.seq += 1
        data = {"base": base, "rows": rows, "servers": []}
        return json.dumps({"topic": "fleet", "seq": self.seq, "at": at, "data": data})


class Stage:
    """Plays a scene on a page: its first data, its socket, and the seconds that go by."""

    def __init__(self, page: Page, url: str, scene: Scene) -> None:
        self.page, self.scene = page, scene
        self.socket: WebSocketRoute | None = None
        self.asked = 0
        # A service worker fetches behind the page's back, where no scene can be put.
        page.add_init_script("delete Navigator.prototype.serviceWorker")
        page.route(lambda address: address.split("?")[0] == f"{url}/", self._answer)
        page.route_web_socket("**/ws/live", self._connect)

    def _answer(self, route: Route) -> None:
        answer = route.fetch()
        if "application/json" in (answer.headers.get("content-type") or ""):
            self.asked += 1
            route.fulfill(response=answer, json=self.scene.props(answer.json()))
            return
        put: Callable[[re.Match[str]], str] = lambda found: (  # noqa: E731 - one expression of a replacement
            found[1] + json.dumps(self.scene.props(json.loads(found[2]))).replace("<", "\\u003C") + found[3]
        )
        route.fulfill(response=answer, body=ISLAND.sub(put, answer.text()))

    def _connect(self, socket: WebSocketRoute) -> None:
        self.socket = socket

        def heard(text: str | bytes) -> None:
            asked = json.loads(text)
            for topic in asked.get("sub", []):
                seq = self.scene.seq if topic == "fleet" else 0
                said = {"topic": topic, "seq": seq, "at": time.time(), "data": {"subscribed": True}}
                socket.send(json.dumps(said))

        socket.on_message(heard)

    def tell(self, text: str) -> None:
        assert self.socket is not None
        self.socket.send(text)

    def play(self, seconds: int) -> None:
        for second in range(seconds):
            self.tell(self.scene.message(second))
            self.page.wait_for_timeout(1000)


def incident(number: int, title: str, severity: str = "critical", **more: Any) -> dict[str, Any]:
    server = {"id": uuid_of(number), "name": f"srv-{number}", "url": f"/servers/{uuid_of(number)}/"}
    return {
        "id": str(UUID(int=number + 9000)), "title": title, "team": "Main", "severity": severity, "state": "open",
        "since": time.time() - 600, "until": None, "owner": None, "owner_id": None, "taken": None, "members": 1,
        "open": 1, "next": None, "held": "", "server": server, "rule": "r", "metric": "cpu_used_percent",
        "labels": {}, "what": "CPU", "per": "", "value": 97.0, "limit": 95.0, "url": f"/incidents/{number}/", **more,
    }  # fmt: skip
