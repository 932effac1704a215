"""What one server may keep: series and new layouts, decided column by column before anything is stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ingest import wire
from metrics import layouts as layouts_module
from metrics import quota
from metrics.latest import latest
from metrics.layouts import layouts
from metrics.models import Layout, Series
from metrics.names import layout_hash
from tests.conftest import Machine


@pytest.fixture
def web(machine: Callable[..., Machine]) -> Machine:
    return machine("web-1")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "SERIES_QUOTA", 10)


def names(first: int, last: int) -> list[str]:
    return [f"m{n}" for n in range(first, last)]


def post(web: Machine, columns: list[str], *, say: bool = True) -> Any:
    body = {"layout": layout_hash(columns), "rows": [[time.time(), *range(len(columns))]]}
    return web.post({**body, "columns": columns} if say else body)


def test_over_the_quota_only_the_columns_too_many_are_refused(web: Machine) -> None:
    assert post(web, names(0, 8)).json()["accepted"] == 8
    reply = post(web, names(4, 14)).json()
    assert reply["accepted"] == 6, "four known ones and the two that fit"
    assert [one["column"] for one in reply["refused"]] == names(10, 14)
    assert "quota" in reply["refused"][0]["error"]
    assert post(web, names(4, 14), say=False).json()["accepted"] == 6


def test_what_is_refused_is_not_stored(web: Machine) -> None:
    for number in range(5):
        post(web, names(number * 20, number * 20 + 20))
    assert (Series.objects.count(), Layout.objects.count()) == (10, 1)


def test_the_old_series_keep_going_beside_one_too_many(web: Machine) -> None:
    post(web, names(0, 10))
    reply = post(web, [*names(0, 9), "cpu_used_percent"]).json()
    assert (reply["accepted"], len(reply["refused"])) == (9, 1)


def test_a_layout_that_others_use_counts_as_well(web: Machine, machine: Callable[..., Machine]) -> None:
    other = machine("web-2")
    post(web, names(0, 6))
    post(other, names(6, 16))
    assert post(web, names(6, 16), say=False).json()["accepted"] == 4


def test_a_layout_in_memory_is_admitted_without_the_database(
    web: Machine, machine: Callable[..., Machine], django_assert_num_queries: Any
) -> None:
    other, third = machine("web-2").server.pk, machine("web-3")
    post(web, names(0, 6))
    post(third, names(10, 16))
    with django_assert_num_queries(0):
        assert layouts.admit_known(other, layout_hash(names(0, 6))) is not None
        assert layouts.admit_known(third.server.pk, layout_hash(names(0, 6))) is None, "too many beside its others"


def test_series_that_were_not_used_for_an_hour_do_not_count(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    post(web, names(0, 10))
    assert post(web, names(10, 20)).json()["accepted"] == 0
    for one in layouts.of_server[web.server.pk].admitted.values():
        one.used -= quota.UNUSED + 1
        one.until = min(one.until, 0)
    assert post(web, names(10, 20)).json()["accepted"] == 10


def test_new_layouts_are_counted_by_the_hour(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "NEW_LAYOUTS", 3)
    for number in range(3):
        assert post(web, [f"m{number}", "load1"]).status_code == 200
    reply = post(web, ["m9", "load5"])
    assert (reply.status_code, reply.json()["error"]) == (429, "too_many_layouts")
    assert int(reply.headers["retry-after"]) > 3000
    assert post(web, ["m1", "load1"], say=False).status_code == 200, "known ones go on"
    reply = web.post({"samples": [{"t": time.time(), "m": {"new": 1}}]})
    assert (reply.status_code, len(reply.json()["refused"])) == (200, 1)
    assert Layout.objects.count() == 3
    layouts.of_server[web.server.pk].new[0] -= 3601
    assert post(web, ["m9", "load1"]).status_code == 200


def test_of_a_list_that_is_ever_new_what_was_told_before_is_kept(
    web: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that starts containers of new names each minute would be silent for an hour, and so look down."""
    monkeypatch.setattr(quota, "NEW_LAYOUTS", 2)
    post(web, ["load1", "load5"])
    post(web, ["load1", "c1", "load5"])
    for say in (True, False):
        reply = post(web, ["c2", "load5", "load1"], say=say).json()
        assert (reply["accepted"], [one["column"] for one in reply["refused"]]) == (2, ["c2"])
        assert "Too many new" in reply["refused"][0]["error"]
    found = latest.get(web.server.pk)
    assert found is not None
    assert [found.value(name) for name in ("load1", "load5", "c1", "c2")] == [2, 1, None, None]
    layouts.of_server[web.server.pk].new.clear()
    for one in layouts.of_server[web.server.pk].admitted.values():
        one.until = min(one.until, time.monotonic() + 3600) - 3601
    assert post(web, ["c2", "load5", "load1"]).json()["accepted"] == 3


def test_layouts_in_memory_are_bounded_and_come_back(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts_module, "MOST_HELD", 8)
    for first in range(6):
        assert post(web, names(first, first + 3)).json()["accepted"] == 3
    assert (len(layouts.by_hash), len(layouts.by_id), layouts.columns) == (2, 2, 6)
    assert post(web, names(0, 3), say=False).json()["accepted"] == 3


def test_the_layouts_of_a_server_are_bounded(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MOST_LAYOUTS", 2)
    for first in range(4):
        post(web, names(first, first + 2))
    assert len(layouts.of_server[web.server.pk].admitted) == 2


def test_more_lists_of_names_in_a_post_than_can_be_looked_up_are_refused_as_a_whole(web: Machine) -> None:
    """Bad names, too: two hundred of them were answered "send it again" for ever."""
    for name in ("m{}", "not a name {}"):
        samples = [{"t": time.time(), "m": {name.format(n): 1}} for n in range(wire.MOST_LISTS + 1)]
        reply = web.post({"samples": samples})
        assert (reply.status_code, reply.json()["error"]) == (413, "too_large")
        assert web.post({"samples": samples[1:]}).status_code == 200
    two = [{"t": time.time(), "m": dict.fromkeys(map(f"{name}{{}}".format, range(6000)), 1)} for name in "ab"]
    assert [web.post({"samples": some}).status_code for some in (two, two[:1])] == [413, 200]
