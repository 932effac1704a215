"""The demo fleet: plausible, the same each time, marked, waking nobody, and gone with one click."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.judging import Judge
from alerts.models import Channel, Delivery, Incident, Rule
from dashboards.demo.removal import remove
from ingest import writer
from metrics.names import parse
from metrics.store import latest
from monitor.demo import faults, memory, own
from monitor.demo.cast import Machine as Simulated
from monitor.demo.cast import machines
from monitor.demo.columns import table
from monitor.demo.door import Answer
from monitor.demo.feeder import INTERVAL, LINES, Feeder
from servers.auth import enrol, keyring
from servers.models import Server
from servers.services import make_enrolment
from tests.conftest import Machine

SINCE = 1_795_219_340.0
CAST = {one.name: one for one in machines(24)}


def told(machine: Simulated, start: float, end: float, step: float) -> dict[str, list[float]]:
    names, rows = table(machine, np.arange(start, end, step), SINCE)
    return dict(zip(["t", *names], map(list, zip(*rows, strict=True)), strict=True))


def test_a_moment_is_the_same_sample_at_every_step() -> None:
    for machine in (CAST["db-1"], CAST["dc-1"]):
        fine, coarse = (told(machine, SINCE - 3600, SINCE, step) for step in (10, 60))
        assert {name: values[::6] for name, values in fine.items()} == coarse


def test_every_machine_says_what_a_real_one_could() -> None:
    for machine in CAST.values():
        found = told(machine, SINCE - 7 * 86400, SINCE + 86400, 1800)
        assert len(found) > 40
        for name, values in found.items():
            assert np.isfinite(values).all(), name
            assert min(values) >= 0, name
            metric = parse(name)[0]
            assert not (metric.endswith("_percent") and "container" not in metric) or max(values) <= 100, name


def test_days_have_a_shape_and_weekends_are_quieter() -> None:
    monday = 1_795_392_000 - 3600  # midnight in Frankfurt
    day = np.array(told(CAST["web-1"], monday, monday + 86400, 300)["cpu_used_percent"])
    saturday = np.array(told(CAST["web-1"], monday - 2 * 86400, monday - 86400, 300)["cpu_used_percent"])
    night, noon = day[24:48].mean(), day[120:192].mean()
    assert noon > 3 * night
    assert saturday[120:192].mean() < 0.7 * noon


def test_a_larger_fleet_begins_with_the_same_machines() -> None:
    assert machines(60)[:24] == machines(24)
    assert len({one.name for one in machines(200)}) == 200


def test_there_is_trouble_from_the_first_minute_on() -> None:
    disk = told(CAST["db-1"], SINCE - 60, SINCE + 3600, 60)['disk_used_percent{mount="/var/lib/postgresql"}']
    assert min(disk) > 90
    assert disk[-1] > disk[0]
    assert min(told(CAST["worker-1"], SINCE - 900, SINCE + 900, 10)["cpu_used_percent"]) > 95
    hours = np.arange(SINCE, SINCE + 3600, 10.0)
    assert faults.speaks(CAST["cache-1"], hours, SINCE).sum() == faults.SPOKE / 10
    flaps = np.diff(faults.speaks(CAST["queue-1"], hours, SINCE).astype(int))
    assert np.count_nonzero(flaps) > 10
    calm = [one for one in CAST.values() if not one.fault]
    for machine in calm:
        found = told(machine, SINCE - 3 * 86400, SINCE + 86400, 600)
        assert max(max(v) for name, v in found.items() if name.startswith("disk_used_percent")) < 90, machine.name
        assert max(found["memory_used_percent"]) < 92, machine.name


class Twin:
    """The feeder's door, leading to the ingest door's twin."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def post(self, path: str, document: dict[str, Any], key: str = "") -> Answer:
        headers = {"authorization": f"Bearer {key}"}
        answer = Client(headers=headers).post(path, json.dumps(document), content_type="application/json")
        if answer.status_code == 200:
            self.times.setdefault(key, []).extend(row[0] for row in document.get("rows", []))
        return Answer(answer.status_code, answer.json())


def enrolled(team: Team, count: int) -> memory.Fleet:
    fleet = memory.Fleet(SINCE)
    token = make_enrolment(team, "demo", reusable=True, demo=True)
    for one in machines(count):
        made = enrol(token, one.name, one.fingerprint, {})
        fleet.servers[one.name], fleet.keys[one.name] = str(made.server.uuid), made.key
    return fleet


@pytest.fixture
def fleet(team: Team, transactional_db: None) -> Iterator[memory.Fleet]:
    yield enrolled(team, 2)
    writer.stop()


def feed(feeder: Feeder) -> None:
    """Until nothing of the past is owed."""
    while feeder.silent or feeder.queue or feeder.told.spans:
        feeder.step()


def test_history_comes_newest_first_and_a_second_start_fills_the_gap(
    fleet: memory.Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = SINCE
    monkeypatch.setattr("monitor.demo.feeder.time.time", lambda: at)
    monkeypatch.setattr("monitor.demo.feeder.DAYS", 1.5)
    twin = Twin()
    monkeypatch.setattr("ingest.services.milliseconds", lambda: int(at * 1000))
    feed(Feeder(twin, tmp_path, fleet, machines(24)))  # type: ignore[arg-type]
    first = twin.times[fleet.keys["web-1"]]
    assert max(first) == first[95]  # the first post is the newest: older rows never page
    assert min(first) == pytest.approx(SINCE - 1.5 * 86400 + 3 * 3600, abs=300)
    at += 4000
    feed(Feeder(twin, tmp_path, fleet, machines(24)))  # type: ignore[arg-type]
    both = sorted(twin.times[fleet.keys["web-1"]])
    newest = [t for t in both if t > SINCE - 3600]
    assert len(both) == len(set(both))
    assert set(np.diff(newest)) == {10.0}


def test_the_feeder_ends_when_the_fleet_is_removed(fleet: memory.Fleet, tmp_path: Path) -> None:
    fleet.since = 0.0  # its silent one fell silent long ago
    feeder = Feeder(Twin(), tmp_path, fleet, machines(24))  # type: ignore[arg-type]
    feeder.told.spans.clear()
    remove(list(Server.objects.all()))
    keyring.refresh()  # as every web process does every two seconds
    feeder.run()
    assert not feeder.voices


def test_one_that_was_deleted_stays_away_at_the_next_start(
    fleet: memory.Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def door(_path: str, document: dict[str, Any]) -> Answer:
        asked.append(document["hostname"])
        made = enrol(document["token"], document["hostname"], document["fingerprint"], {})
        return Answer(201, {"server": str(made.server.uuid), "key": made.key})

    monkeypatch.setattr("monitor.demo.door.Door.post", lambda _self, path, document: door(path, document))
    product = own.DemoFleet(tmp_path, "http://127.0.0.1:1", None, print, 3)
    memory.save(product.folder, fleet)
    gone = machines(2)[1].name
    remove(list(Server.objects.filter(uuid=fleet.servers[gone])))
    assert product._enrol() == 2
    assert asked == [machines(3)[2].name]  # who is new comes, who was deleted does not
    assert product._enrol() == 2
    assert len(asked) == 1


def test_only_a_demo_invitation_makes_demo_servers_and_takes_nobodys_name(team: Team) -> None:
    real = enrol(make_enrolment(team, "n"), "db-1", "print", {}).server
    fleet = enrolled(team, 2)
    assert not real.demo
    assert set(Server.objects.filter(demo=True).values_list("name", flat=True)) == {"db-1 (demo)", "web-1"}
    late = enrol(make_enrolment(team, "n"), "web-1", "another print", {}).server
    assert (late.name, late.demo) == ("web-1", False)
    assert enrolled(team, 2).servers == fleet.servers
    # Who knows the print of a simulated machine does not become it.
    posing = enrol(make_enrolment(team, "n"), "posing", CAST["web-1"].fingerprint, {}).server
    assert not posing.demo


def test_a_demo_alert_is_shown_and_nobody_is_told(
    team: Team, machine: Callable[..., Machine], fleet: memory.Fleet
) -> None:
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://example.org/"}
    channel.save()
    Rule.objects.create(team=team, name="hot", metric="cpu", critical=95, group_wait=0)
    judge = Judge()
    judge.step()
    machine("real").report(cpu=99.0)
    one = {"samples": [{"t": SINCE, "m": {"cpu": 99.0}}]}
    simulated = Client(headers={"authorization": f"Bearer {fleet.keys['web-1']}"})
    assert simulated.post("/api/v1/ingest", one, content_type="application/json").json()["accepted"] == 1
    while judge.step():
        pass
    judge.end()
    assert Incident.objects.open().count() == 2
    assert [row.notice.alert.server.name for row in Delivery.objects.all() if row.notice.alert] == ["real"]


def test_two_clicks_remove_the_fleet_and_nothing_else(
    team: Team, other_team: Team, person: Callable[..., User], machine: Callable[..., Machine], fleet: memory.Fleet
) -> None:
    real = machine("real").server
    kept = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=real.created_at)
    foreign = enrolled(other_team, 1)
    page = Client(enforce_csrf_checks=True)
    page.force_login(person("viewer"))
    assert b"demo fleet of 2 servers" in page.get("/").content
    assert b"/demo/remove/" not in page.get("/").content
    page.force_login(person("admin"))
    form = re.search(r'action="/demo/remove/">.*?value="(\w+)"', page.get("/").content.decode(), re.DOTALL)
    assert form
    assert b"<summary" in page.get("/").content.partition(b'class="sure"')[2].partition(b"/demo/remove/")[0]
    assert page.post("/demo/remove/").status_code == 403
    assert page.get("/demo/remove/").status_code == 405
    answer = page.post("/demo/remove/", {"csrfmiddlewaretoken": form[1]}, follow=True)
    assert b"2 demo servers were removed." in answer.content
    assert b"demo fleet of" not in answer.content
    assert {str(row.uuid) for row in Server.objects.all()} == {str(real.uuid), *foreign.servers.values()}
    assert list(Incident.objects.all()) == [kept]
    assert latest.get(real.pk) is None


def test_scripts_see_the_mark_and_may_remove_the_fleet(
    api: Callable[..., Client], person: Callable[..., User], fleet: memory.Fleet
) -> None:
    client = api()
    assert [one["demo"] for one in client.get("/api/v1/servers").json()["results"]] == [True, True]
    assert api(person("viewer")).delete("/api/v1/demo").status_code in {403, 404}
    assert client.get("/api/v1/demo").json() == {"servers": 2}
    assert client.delete("/api/v1/demo").json() == {"removed": 2}
    assert client.delete("/api/v1/demo").json() == {"removed": 0}


class Looked:
    """A door that always says: somebody looks."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def post(self, path: str, document: dict[str, Any], key: str = "") -> Answer:
        self.times += [row[0] for row in document["rows"]]
        return Answer(200, {"orders": [{"kind": "live", "until": SINCE + 60}]})


class Company:
    """A hub that answers a post when so many others are there, as one does that waits for company."""

    def __init__(self, together: int) -> None:
        self.keys: list[str] = []
        self.all_here = threading.Barrier(together)

    def post(self, _path: str, _document: dict[str, Any], key: str = "") -> Answer:
        self.all_here.wait(20)
        self.keys.append(key)
        return Answer(200, {})


def test_many_machines_post_side_by_side_each_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = time.time()
    monkeypatch.setattr("monitor.demo.feeder.time.time", lambda: at)
    door, all_ = Company(LINES), machines(5 * LINES)
    keys = {one.name: one.name for one in all_}
    feeder = Feeder(door, tmp_path, memory.Fleet(at, {}, keys), all_)  # type: ignore[arg-type]
    feeder.told.spans.clear()
    for _ in range(5):
        feeder.step()
    assert len(set(door.keys)) == len(door.keys) == 5 * LINES
    at += INTERVAL
    feeder.due = time.monotonic() - INTERVAL / 2  # half of them should have spoken since
    feeder.step()
    assert len(set(door.keys[5 * LINES :])) == len(door.keys) - 5 * LINES == LINES


def test_a_machine_that_somebody_looks_at_speaks_every_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = SINCE
    monkeypatch.setattr("monitor.demo.feeder.time.time", lambda: at)
    door = Looked()
    feeder = Feeder(door, tmp_path, memory.Fleet(SINCE, {}, {"web-1": "key"}), machines(2))  # type: ignore[arg-type]
    feeder.told.spans.clear()
    for _ in range(20):
        feeder.step()
        at += 1
    assert set(np.diff(door.times[-15:])) == {1.0}
