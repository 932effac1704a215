"""Questions about all servers over the API: as new as the last post, of one's own teams alone, bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken, Membership, Team, User
from core.clock import now
from metrics import database, fleet_api, query, recent
from tests.conftest import Machine

Make = Callable[..., Machine]
Api = Callable[..., Client]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    recent.forget()


def ask(client: Client, path: str, **asked: Any) -> Any:
    reply = client.get(f"/api/v1/{path}", asked)
    assert reply.status_code == 200, reply.content
    return reply.json()


def test_what_was_posted_a_moment_ago_is_in_every_answer(machine: Make, api: Api) -> None:
    web, db, idle = machine("web"), machine("db"), machine("idle")
    web.report(cpu_used_percent=10)
    web.report(cpu_used_percent=30)
    db.report(cpu_used_percent=70)
    ids = [str(one.server.uuid) for one in (web, db, idle)]
    latest = ask(api(), "fleet/latest", metrics="cpu_used_percent,load1")
    assert (latest["servers"], latest["columns"]["cpu_used_percent"]) == (ids, [30, 70, None])
    assert latest["columns"]["load1"] == [None] * 3
    assert latest["age"][2] is None
    assert 0 <= latest["age"][0] < 10
    top = ask(api(), "fleet/top", metric="cpu_used_percent", k=5)
    assert (top["servers"], top["names"], top["values"]) == ([ids[1], ids[0]], ["db", "web"], [70, 20])
    side = ask(api(), "fleet/range", metric="cpu_used_percent", agg="max")
    assert side["servers"] == ids
    assert [max((v for v in column if v is not None), default=None) for column in side["values"]] == [30, 70, None]


def test_one_bucket_over_all_is_the_mean_of_all(machine: Make, api: Api) -> None:
    web, now = machine("web"), time.time()
    for back, value in ((1500, 1), (900, 2), (0, 9)):
        web.report(now - back, load1=value)
    day = int(now) // 86_400 * 86_400 - 86_400
    side = ask(api(), "fleet/range", metric="load1", start=day, end=now, step=2 * 86_400)
    assert [v for v in side["values"][0] if v is not None] == [4]


def test_the_worst_label_set_counts_unless_one_is_named(machine: Make, api: Api) -> None:
    web = machine("web")
    disks: dict[str, Any] = {'disk_used_percent{mount="/"}': 40, 'disk_used_percent{mount="/a,b"}': 60}
    web.report(**disks)
    named = 'disk_used_percent{mount="/a,b"}'
    found = ask(api(), "fleet/latest", metrics=f'disk_used_percent, {named},disk_used_percent{{mount="/"}}')
    assert list(found["columns"].values()) == [[60], [60], [40]]
    top = ask(api(), "fleet/top", metric="disk_used_percent")
    assert (top["values"], top["labels"]) == ([60], [{"mount": "/a,b"}])


def test_a_role_that_ends_or_a_token_that_is_revoked_ends_with_the_next_question(
    machine: Make, api: Api, person: Callable[..., User]
) -> None:
    web = machine("web")
    web.report(cpu_used_percent=10)
    users = [person("viewer") for _ in range(4)]
    member, gone, revoked, late = (api(user) for user in users)
    questions = (
        "fleet/latest?metrics=cpu_used_percent",
        "fleet/top?metric=cpu_used_percent",
        "fleet/range?metric=cpu_used_percent",
        f"series?metric=cpu_used_percent&server={web.server.uuid}",
    )

    def statuses(client: Client) -> list[int]:
        return [client.get(f"/api/v1/{question}").status_code for question in questions]

    assert [statuses(client) for client in (member, gone, revoked, late)] == [[200] * 4] * 4
    Membership.objects.filter(user=users[0]).update(team=Team.objects.create(name="Elsewhere"))
    User.objects.filter(pk=users[1].pk).update(is_active=False)
    ApiToken.objects.filter(user=users[2]).update(revoked_at=now())
    ApiToken.objects.filter(user=users[3]).update(expires_at=now())
    assert [ask(member, question).get("servers") for question in questions[:3]] == [[]] * 3
    assert statuses(member) == [200, 200, 200, 404]
    assert [statuses(client) for client in (gone, revoked, late)] == [[401] * 4] * 3
    User.objects.filter(pk=users[0].pk).update(is_superuser=True)
    assert statuses(member) == [200] * 4
    assert ask(member, questions[0])["servers"] == [str(web.server.uuid)]


def test_strangers_see_nothing_of_it(machine: Make, api: Api, person: Callable[..., User], other_team: Team) -> None:
    machine("web").report(load1=1)
    theirs = machine("theirs", other_team)
    theirs.report(load1=2)
    client = api(person("viewer", other_team))
    assert ask(client, "fleet/latest", metrics="load1")["columns"]["load1"] == [2]
    assert ask(client, "fleet/top", metric="load1")["values"] == [2]
    assert len(ask(client, "fleet/range", metric="load1")["values"]) == 1
    mine = api().get(f"/api/v1/servers/{theirs.server.uuid}/series")
    assert (mine.status_code, mine.json()["error"]) == (404, "not_found")


def test_many_label_sets_of_others_count_for_nobody_else(
    machine: Make, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("web").report(load1=3)
    many = machine("many")
    sets: dict[str, Any] = {f'load1{{n="{n}"}}': n for n in range(8)}
    many.report(**sets)
    monkeypatch.setattr(database, "FEW_LABEL_SETS", 4)
    monkeypatch.setattr(database, "MOST_LABEL_SETS", 6)
    reply = api().get("/api/v1/fleet/top?metric=load1")
    assert (reply.status_code, reply.json()["error"]) == (400, "too_much")
    many.server.delete()
    assert ask(api(), "fleet/top", metric="load1")["values"] == [3]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("fleet/top", "bad_metric"), ("fleet/top?metric=a b", "bad_metric"), ("fleet/top?metric=m&k=0", "bad_k"),
        ("fleet/top?metric=m&window=-1", "bad_window"), ("fleet/top?metric=m&agg=sum", "bad_agg"),
        ("fleet/range?metric=m&step=x", "bad_step"), ("fleet/range?metric=m&start=9&end=8", "bad_range"),
        ("fleet/latest?metrics=", "bad_metric"), ("fleet/latest?metrics=m{", "bad_metric"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_in_one_sentence(api: Api, path: str, error: str) -> None:
    reply = api().get(f"/api/v1/{path}")
    assert (reply.status_code, reply.json()["error"]) == (400, error)


def test_an_answer_that_would_be_too_large_is_refused(
    machine: Make, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("web").report(time.time() - 3600, load1=1)
    monkeypatch.setattr(fleet_api, "MOST_CELLS", 5)
    assert api().get("/api/v1/fleet/range?metric=load1").json()["error"] == "too_much"


def test_the_series_of_a_server_are_listed_a_page_at_a_time(machine: Make, api: Api) -> None:
    web, at = machine("web"), float(int(time.time()) - 100)
    web.report(at, load1=1, load5=1)
    web.report(at + 10, load1=1)
    found = ask(api(), f"servers/{web.server.uuid}/series", size=1)
    assert (found["count"], found["results"]) == (
        2,
        [{"metric": "load1", "labels": {}, "first": at, "last": at + 10}],
    )
    assert ask(api(), f"servers/{web.server.uuid}/series", metric="load5")["count"] == 1


def test_the_store_says_what_it_keeps(machine: Make, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("web").report(load1=1)
    found = ask(api(), "store")
    assert [(tier["tier"], tier["days"]) for tier in found["tiers"]] == [(0, 7), (300, 90), (3600, 730)]
    machine("db").report(load1=1, load5=2)
    monkeypatch.setattr(query.kept, "until", query.kept.until - 59.0)  # a small store is soon counted again
    assert ask(api(), "store")["bytes"] > found["bytes"]


def test_a_long_range_is_read_in_pieces_and_answered_as_one(
    machine: Make, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine("web")
    now = int(time.time())
    for days in (5, 4, 3, 2, 1, 0):
        web.report(now - days * 86_400, load1=days)
    asked = [
        f"/api/v1/fleet/range?metric=load1&start={now - 6 * 86_400}&step={step}&agg={agg}"
        for step in (7200, 86_400, 3 * 86_400) for agg in ("avg", "max")
    ]  # fmt: skip
    asked += [f"/api/v1/fleet/top?metric=load1&window=500000&agg={agg}" for agg in ("avg", "min", "max")]
    client = api()
    whole = [client.get(path).json() for path in asked]
    monkeypatch.setattr(database, "MOST_CELLS", 1)
    monkeypatch.setattr(database, "SPANS", {300: 3_600_000, 3600: 86_400_000})
    assert len(list(database.slices(0, 6 * 86_400_000, 3600, 7_200_000))) == 7
    again = [client.get(path).json() for path in asked]
    for one, two in zip(whole, again, strict=True):
        assert one.get("values") == two.get("values")
    assert whole[-3]["values"] == [2.5]


@pytest.mark.parametrize("agg", ["avg", "min", "max"])
def test_a_while_in_which_nothing_was_measured_has_no_worst(machine: Make, api: Api, agg: str) -> None:
    machine("web").report(time.time() - 7200, load1=1)
    assert ask(api(), "fleet/top", metric="load1", window=600, agg=agg)["values"] == []
