"""Every kind of bad report at the real door: a clear answer, the good part stored, an honest machine unharmed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from bench._figures import pss_mib
from tests.faults.hostile import Bad, Door, Report, assault, crowds, names, post
from tests.product import Product, until

MUTANTS = 600


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("hostile") / "data") as running:
        yield running.wait_watched()


def at_rest(product: Product) -> float:
    """Its memory when what loads after a start is there, so that what comes then is of the posts."""
    seen: list[float] = []

    def still() -> bool:
        time.sleep(0.5)
        seen.append(pss_mib(product.children[0].pid))
        return len(seen) >= 5 and max(seen[-5:]) - min(seen[-5:]) < 1

    until(still, 60, "memory at rest")
    return seen[-1]


def series(product: Product, token: str, server: str, metric: str) -> dict[str, list[float | None]]:
    query = urlencode({"server": server, "metric": metric, "start": time.time() - 7200, "end": time.time() + 60})
    found = product.request("GET", f"/api/v1/series?{query}", token=token).json()
    return {one["labels"].get("mount", one["labels"].get("n", "")): one["v"] for one in found["series"]}


def test_bad_reports_are_answered_clearly_and_harm_nobody(product: Product) -> None:
    token, report = product.api_token(), Report()
    told: list[float] = []
    _, key = product.enrol("bad")
    good, good_key = product.enrol("good")
    honest = Door(product.port, good_key, report)
    honest.post(Bad("the first honest row", post(f"[[{time.time() - 700}, -1, 5]]"), (200,), 2))

    def witness() -> None:
        told.append(float(len(told)))
        honest.post(Bad("an honest row", post(f"[[{time.time() - 600 + len(told)}, {told[-1]}, 5]]"), (200,), 2))

    assault(product.port, key, report, 50, random.Random(1), witness)
    before = at_rest(product)
    assault(product.port, key, report, MUTANTS, random.Random(2), witness)
    grown = pss_mib(product.children[0].pid) - before
    honest.close()
    assert not report.faults, report.faults
    assert report.answers[500] + report.answers[503] == 0, report.answers
    assert grown < 40, f"{grown:.0f} MiB more"
    assert series(product, token, good, "cpu_used_percent")[""] == [-1, *told]


def test_names_of_every_plane_come_back_as_they_were_said(product: Product) -> None:
    token, report = product.api_token(), Report()
    server, key = product.enrol("planes")
    bad, texts = names(float(round(time.time())))
    door = Door(product.port, key, report)
    status, answer = door.post(bad)
    door.close()
    refused = {one["column"] for one in answer["refused"]}
    assert (status, answer["accepted"] + len(refused)) == (200, len(texts))
    wanted = {
        text: [float(place)]
        for place, text in enumerate(texts)
        if f'disk_used_percent{{mount="{text}"}}' not in refused
    }
    assert len(wanted) >= len(texts) - 3, refused
    assert series(product, token, server, "disk_used_percent") == wanted


def test_a_flood_of_series_is_bounded_and_the_old_ones_go_on(product: Product) -> None:
    token, report = product.api_token(), Report()
    server, key = product.enrol("flood")
    door = Door(product.port, key, report)
    now = float(round(time.time()))
    assert door.post(Bad("its own", post(f"[[{now - 310}, 1, 2]]"), (200,), 2))[0] == 200
    before = at_rest(product)
    answers = [door.post(bad)[1] for bad in crowds(100_000, now)]
    door.post(Bad("its own again", post(f"[[{now - 200}, 3, 4]]"), (200,), 2))
    door.close()
    assert not report.faults, json.dumps(report.faults)[:2000]
    # A quota of 5,000: its two, as many of the first crowd as fit, and of the others what it told before.
    assert [answer["accepted"] for answer in answers[:26]] == [4999, 4001, 999, *[1] * 23]
    assert len(answers[0]["refused"]) == 100
    # What it took for a moment is given back in a while, later on a busy machine.
    until(lambda: pss_mib(product.children[0].pid) - before < 80, 30, "80 MiB more, or less")
    assert series(product, token, server, "cpu_used_percent")[""] == [1, *[1] * 25, 3]
