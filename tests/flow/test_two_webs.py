"""Two web processes behind a balancer: what one took in, the other knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.product import ScaleOut, room, until
from tests.services import a_site, empty_redis


@pytest.fixture(scope="module")
def webs(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScaleOut, ScaleOut]]:
    folder, broker = tmp_path_factory.mktemp("webs"), empty_redis()
    with ExitStack() as stack:
        url = stack.enter_context(a_site(postgres_url))
        one, two = (ScaleOut(folder / name, url, broker, WATCHKEEPER_SECRET_KEY="k" * 50) for name in "ab")
        for web in (one, two):
            stack.callback(web.kill)
            web.start("web")
        yield one, two


def post(web: ScaleOut, key: str, value: float) -> None:
    body = {"samples": [{"t": time.time(), "m": {"cpu_used_percent": value}}]}
    assert web.request("POST", "/api/v1/ingest", body, token=key).status == 200


def shown(web: ScaleOut, token: str) -> Any:
    return web.request("GET", "/api/v1/servers", token=token).json()["results"][0]


def test_each_web_shows_and_says_what_the_other_took_in(webs: tuple[ScaleOut, ScaleOut]) -> None:
    one, two = webs
    token = one.api_token()
    server, key = one.enrol()
    for value in (10.0, 20.0):
        for taking, other in ((one, two), (two, one)):
            post(taking, key, value := value + 1)
            until(lambda: shown(other, token)["cpu"] == value, 10, "the other's knowledge")  # noqa: B023 - called within the turn
            assert [shown(web, token)["reach"] for web in webs] == ["up", "up"]
    assert "others" in two.request("GET", "/readyz").json()["parts"]
    hears_of_a_look_at_the_other_web(webs, token, server, key)


def hears_of_a_look_at_the_other_web(webs: tuple[ScaleOut, ScaleOut], token: str, server: str, key: str) -> None:
    """Who waits for orders, at either web."""
    with ThreadPoolExecutor(2) as agents:
        waits = [agents.submit(web.request, "GET", "/api/v1/orders?wait=15", token=key) for web in webs]
        time.sleep(0.5)
        looked = time.monotonic()
        assert webs[1].request("GET", f"/api/v1/live?topics=server.{server}", token=token).status == 200
        orders = [wait.result(20).json()["orders"] for wait in waits]
    assert time.monotonic() - looked < 2 * room()
    assert [order["kind"] for (order,) in orders] == ["live", "live"]
    assert len({order["id"] for (order,) in orders}) == 1


def test_machines_that_enrol_at_once_get_numbers_of_their_own(webs: tuple[ScaleOut, ScaleOut]) -> None:
    tokens = [webs[0].enrol_token() for _ in range(12)]
    codes: list[int] = []

    def enrol(place: int) -> None:
        body = {"token": tokens[place], "hostname": f"m{place}", "fingerprint": f"print-{place}", "facts": {}}
        codes.append(webs[place % 2].request("POST", "/api/v1/enrol", body).status)

    threads = [threading.Thread(target=enrol, args=(place,)) for place in range(len(tokens))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == [201] * len(tokens)
