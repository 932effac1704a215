"""While somebody looks at a server its real agent samples every second; ten seconds after the last look it rests."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Origin

from tests.product import Product, room, until

SIGN_IN = """
from accounts.models import User
from django.test import Client
browser = Client()
browser.force_login(User.objects.get())
print(browser.cookies["session"].value)
"""
USUAL = 3


def times(product: Product, server: str, token: str, since: float) -> list[float]:
    query = f"server={server}&metric=cpu_used_percent&start={since}&end={since + 90}"
    found: list[float] = product.request("GET", f"/api/v1/series?{query}", token=token).json()["t"]
    return found


def test_a_look_makes_a_server_live_and_its_end_lets_it_rest(tmp_path: Path) -> None:
    with Product(tmp_path / "data") as product:
        product.wait_watched()
        token = product.api_token()
        cookie = product.manage("shell", "-v", "0", "-c", SIGN_IN)
        server: Any = until(lambda: product.request("GET", "/api/v1/servers", token=token).json()["results"])[0]
        place = f"/api/v1/servers/{server['id']}"
        assert product.request("PATCH", place, {"interval": USUAL}, token=token).json()["interval"] == USUAL

        with connect(
            product.url.replace("http", "ws") + "/ws/live", origin=Origin(product.url),
            additional_headers={"Cookie": f"session={cookie}"},
        ) as tab:  # fmt: skip
            tab.send(json.dumps({"sub": [f"server.{server['id']}"]}))
            began = time.time()
            heard: list[float] = []
            while len(heard) < 5:
                data = json.loads(tab.recv(20))["data"]
                heard += [moment for moment in data.get("t", []) if moment > began]
        ended = time.time()
        more = room() - 1  # on a quiet computer nothing
        assert heard[1] - began < 3 + more, (began, heard)  # within two seconds one sample a second
        assert all(0.5 < after - before < 1.6 + more for before, after in itertools.pairwise(heard[1:])), heard

        def rests() -> bool:
            late = times(product, server["id"], token, ended + 8)
            return len(late) > 2 and late[-1] - late[-2] > USUAL * 0.7

        until(rests, 30, "resting again")
        late = times(product, server["id"], token, ended)
        fast = [after for before, after in itertools.pairwise(late) if after - before < 1.6]
        assert 4 < max(fast) - ended < 14 + more, (ended, late)
        assert product.stop() < 5
