"""`up --demo` from outside: a fleet with history and trouble within seconds, fed until it is removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.product import Product, until

COUNT = 4


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("demo") / "data")
    running.words += ["--demo", str(COUNT)]
    with running:
        until(lambda: f"{COUNT} demo servers are simulated." in running.output(), 30, "the demo fleet")
        yield running


def asked(product: Product, path: str, token: str) -> Any:
    answer = product.request("GET", f"/api/v1/{path}", token=token)
    assert answer.status == 200, answer.body
    return answer.json()


def test_it_comes_with_history_and_trouble_goes_on_after_a_restart_and_ends_when_removed(product: Product) -> None:
    token = product.api_token()

    def fleet() -> dict[str, str]:
        return {one["name"]: one["id"] for one in asked(product, "servers", token)["results"] if one["demo"]}

    def days() -> float:
        end = time.time()
        query = f"server={fleet()['web-1']}&metric=cpu_used_percent&start={end - 7 * 86400}&end={end}&points=50"
        found = asked(product, f"series?{query}", token)
        known = [t for t, v in zip(found["t"], found["series"][0]["v"], strict=True) if v is not None]
        return float(max(known) - min(known)) / 86400

    first = fleet()
    assert set(first) == {"db-1", "web-1", "worker-1", "app-1"}
    until(lambda: asked(product, "incidents", token)["count"] >= 2, 20, "trouble that shows at once")
    until(lambda: days() > 6, 30, "a week of history")
    product.stop()
    product.log.unlink()
    product.words = product.words[:-2]
    product.start()
    until(lambda: "demo servers are simulated." in product.output(), 30, "the same fleet without being asked again")
    assert fleet() == first
    assert product.request("DELETE", "/api/v1/demo", token=token).json() == {"removed": COUNT}
    until(lambda: not (product.folder / "demo").exists(), 30, "the end of the feeder")
    assert not fleet()


def test_a_size_that_is_none_is_refused(tmp_path: Path) -> None:
    other = Product(tmp_path / "data")
    other.words += ["--demo", "0"]
    code, said = other.refused()
    assert code == 2
    assert "N is a number from 1 to" in said
