"""The pages about the unusual: what they say in every state, what buttons do, and who sees what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from core.clock import milliseconds, now
from dashboards.anomalies import looked, odd
from dashboards.anomalies.page import meant
from metrics.inside import put
from metrics.names import layout_hash
from ml import hours, pipeline, thresholds
from ml.models import Card, Episode, ModelVersion, Training, Watch
from ml.versions import Made, store
from servers.models import Change
from servers.services import watch
from tests.conftest import Machine
from tests.ml.servers import COLUMNS, quiet

Make = Callable[..., Machine]
Person = Callable[..., User]
TOP = [
    {"column": 'disk_write_bytes_per_second{device="sda"}', "share": 0.6, "z": 11, "low": 2e7, "high": 6e7,
     "value": 2.4e8},
    {"column": "cpu_iowait_percent", "share": 0.3, "z": 7, "low": 0, "high": 2, "value": 30},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    for one in (odd.lately, looked.measured, meant):
        one.kept.clear()
    yield
    for one in (odd.lately, looked.measured, meant):
        one.kept.clear()


def signed_in(who: User) -> Client:
    client = Client()
    client.force_login(who)
    return client


def page(who: User, path: str = "/anomalies/") -> str:
    reply = signed_in(who).get(path)
    assert reply.status_code == 200
    return " ".join(reply.content.decode().split())


def version(one: Machine, number: int = 1, state: str = "current", **more: Any) -> ModelVersion:
    return ModelVersion.objects.create(
        server=one.server, number=number, state=state, why="day", columns=["load1"], schema="x", span_from=0,
        span_to=1, rows=900, sha256="", blob=b"", made_at=now(), **more,
    )  # fmt: skip


def learnt(one: Machine, *, full: bool = True, known: int = 170) -> Watch:
    at = milliseconds() // hours.HOUR
    maxima = hours.pack({at - back: 3.0 if back % 24 == 0 else 1.0 for back in range(known)})
    return Watch.objects.create(
        server=one.server, since=milliseconds() - 9 * 86_400_000, full_at=1 if full else None, maxima=maxima,
        version=version(one),
    )  # fmt: skip


def episode(one: Machine, **more: Any) -> Episode:
    at = now() - timedelta(minutes=10)
    given = {"began_at": at, "last_at": now(), "peak": 2.5, "peak_at": at, "top": TOP, "version": 1, **more}
    return Episode.objects.create(server=one.server, **given)


def test_without_servers_or_models_the_page_says_what_will_happen(machine: Make, person: Person, team: Team) -> None:
    assert "No server yet" in page(person())
    one = machine()
    assert "Nothing is learnt yet" in page(person())
    assert "too few samples so far" in page(person())
    Watch.objects.create(server=one.server, since=1, version=version(one))
    assert "being learnt" in page(person())
    one.server.paused = True
    one.server.save()
    assert "All servers are paused" in page(person())


def test_nothing_unusual_is_said_as_that(machine: Make, person: Person) -> None:
    judged = machine("web-1")
    learnt(judged)
    put(judged.server.pk, ("anomaly_score",), [milliseconds()], [[0.4]], wait=5)
    said = page(person())
    assert "Nothing is unusual now." in said
    assert "Every server behaves as it usually does" in said
    learnt(machine("web-2"))
    said = page(person())
    assert "1 of 2 servers behaves as usual; 1 is not judged at the moment." in said
    assert "Every server" not in said


def test_the_sentence_counts_whom_nothing_can_be_said_of(
    machine: Make, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One as usual, one that works hard below its limit, one that fell silent, one still learnt, one new."""
    calm, hard, gone = (machine(name) for name in ("web-1", "worker-1", "cache-1"))
    for one, score in ((calm, 0.2), (hard, 0.65), (gone, 0.1)):
        learnt(one)
        put(one.server.pk, ("anomaly_score",), [milliseconds()], [[score]], wait=5)
    learnt(machine("app-1"), full=False)
    machine("web-2")
    silent = gone.server.pk
    monkeypatch.setattr(
        watch, "state", lambda server, *_mark, **_paused: ("down" if server == silent else "up", False)
    )
    said = page(person())
    assert (
        "1 of 5 servers behaves as usual; 1 is somewhat unusual but below its limit, 1 does not report, "
        "1 is still being learnt, 1 has too few samples."
    ) in said
    assert f'Nearest to it: <a class="more" href="/servers/{hard.server.uuid}/">worker-1</a>' in said
    assert "usually do" not in said


def test_the_headline_and_the_box_below_count_the_same(
    machine: Make, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, gone = machine("web-1"), machine("db-1").server.pk
    learnt(judged)
    machine("web-2")
    put(judged.server.pk, ("anomaly_score",), [milliseconds()], [[0.2]], wait=5)
    monkeypatch.setattr(watch, "state", lambda server, *_mark, **_paused: ("down" if server == gone else "up", False))
    said = page(person())
    assert "1 does not report, 1 has too few samples." in said
    assert "One server has too few samples so far" in said


def test_who_is_not_judged_is_not_called_usual(machine: Make, person: Person) -> None:
    learnt(machine())
    said = page(person())
    assert "No server is being judged at the moment." in said
    assert "usually do" not in said


def test_a_high_score_of_one_that_is_still_learnt_is_told(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one, full=False)
    Watch.objects.update(score=3.0, rate=20.0, at=milliseconds())
    said = page(person())
    assert "1 server that is still being learnt looks unusual." in said
    assert f'unlike what was seen so far: <a class="more" href="/servers/{one.server.uuid}/">' in said
    assert "usually do" not in said


def test_the_strip_knows_the_hours_that_the_slider_counts(machine: Make, person: Person) -> None:
    learnt(machine(), known=39)
    Watch.objects.update(threshold=2.0)
    said = page(person(role="admin"))
    assert "In the 1 d 15 h that are known" in said
    drawn = said[said.index('<svg viewBox="0 0 960') :]
    drawn = drawn[: drawn.index("</svg>")]
    assert 'class="hn"' not in drawn
    assert 'class="h3"' in drawn, "the hour with a tail of 3 is over the threshold of 2"
    assert ": 1 server unusual</title>" in drawn
    assert ": 0 servers unusual</title>" in drawn


def test_the_strip_has_the_colour_of_the_episodes_below_it(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one, known=0)
    put(one.server.pk, ("anomaly_score", "anomaly_rate_percent"), [milliseconds()], [[0.4, 0.1]], wait=5)
    said = page(person())
    assert '<rect class="h3"' not in said
    assert '<rect class="hn"' in said
    assert "not known" in said
    at = now() - timedelta(hours=5)
    episode(one, began_at=at, last_at=at, ended_at=at + timedelta(minutes=2))
    assert '<rect class="h3"' in page(person())


def test_what_is_unusual_is_told_in_words_with_what_it_began_with(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one)
    row = episode(one)
    Change.objects.create(
        server=one.server, at=row.began_at - timedelta(seconds=40), section="services", key="backup.service",
        before="inactive", after="active",
    )  # fmt: skip
    said = page(person())
    assert "1 server of 1 is unusual now." in said
    assert "Disk write (device sda) is 240 MB/s: 6 times the usual for" in said
    assert "Also unusual: CPU waiting for disks." in said
    assert "backup.service inactive → active" in said
    assert "score 2.5" in said


def test_a_process_that_came_up_just_then_is_named_where_nothing_else_changed(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one)
    end = time.time()
    columns = ['top_process_cpu_percent{process="backup"}', "load1"]
    rows = [[end - back, 90.0 if back < 600 else 1.0, 1.0] for back in range(1500, 0, -30)]
    one.post({"layout": layout_hash(columns), "columns": columns, "rows": rows})
    episode(one)
    assert "It began with: process backup at 90 % of a core." in page(person())


def test_answers_are_kept_and_a_normal_that_goes_on_is_learnt_anew(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one)
    row = episode(one, asked_at=now())
    client = signed_in(person(role="operator"))
    assert "Is this the new normal?" in page(person())
    client.post("/anomalies/", {"episode": str(row.uuid), "answer": "not_normal"})
    row.refresh_from_db()
    assert row.answer == "not_normal"
    reply = client.post("/anomalies/", {"episode": str(row.uuid), "answer": "normal"}, follow=True)
    assert "learnt anew" in reply.content.decode()
    assert Training.objects.get().why == "regime"


@pytest.mark.parametrize("posted", [{}, {"episode": "x", "answer": "normal"}, {"step": "99"}, {"step": "x"}])
def test_what_cannot_be_done_is_said(posted: dict[str, str], person: Person, team: Team) -> None:
    reply = signed_in(person(role="viewer")).post("/anomalies/", posted, follow=True)
    assert reply.status_code == 200
    assert "message warning" in reply.content.decode()


def test_a_viewer_answers_nothing_and_strangers_see_nothing(machine: Make, person: Person, other_team: Team) -> None:
    one = machine()
    learnt(one)
    row = episode(one)
    signed_in(person(role="viewer")).post("/anomalies/", {"episode": str(row.uuid), "answer": "normal"})
    row.refresh_from_db()
    assert row.answer == ""
    stranger = person(of=other_team)
    assert one.server.name not in page(stranger)
    assert signed_in(stranger).get(f"/servers/{one.server.uuid}/model/").status_code == 404


def test_the_slider_tells_what_it_would_have_meant_and_sets_the_team(
    machine: Make, person: Person, team: Team
) -> None:
    learnt(machine())
    who = person(role="admin")
    said = page(who)
    assert "Last week that would have meant" in said
    assert "About one a month for each server" in said
    signed_in(who).post("/anomalies/", {"team": str(team.uuid), "step": "2"})
    assert thresholds.of_team(team.pk) == 1.0
    assert 'value="2"' in page(who)


def test_the_slider_says_how_little_is_known(machine: Make, person: Person) -> None:
    learnt(machine(), known=39)
    said = page(person(role="admin"))
    assert "In the 1 d 15 h that are known it would have meant 2 alarms, on 1 of 1 servers." in said
    assert "Last week" not in said


def test_an_hour_of_the_strip_leads_to_what_moved_in_it(machine: Make, person: Person) -> None:
    one = machine()
    end = time.time() - 5
    columns = ["cpu_used_percent", "anomaly_rate_percent", "anomaly_score"]
    rows = [[end - back, 90.0 if back < 3600 else 10.0 + back % 3, 8.0, 1.2] for back in range(20_000, 0, -60)]
    for place in range(0, len(rows), 300):
        one.post({"layout": layout_hash(columns), "columns": columns, "rows": rows[place : place + 300]})
    who = person()
    assert "of series unusual, 1 server" in page(who)
    said = page(who, f"/anomalies/?at={int(end) - 3600}")
    assert "CPU used" in said
    assert "series moved" in said
    for odd_time in ("x", "-5", "9" * 30, "0"):
        assert 'id="moved"' not in page(who, f"/anomalies/?at={odd_time}")


COUNTS = {
    "families": {
        "all": {"faults": 40, "found": 36, "true": 36, "false": 4, "points": 1440, "false_points": 10,
                "calm_episodes": 1, "explained": 30, "chance_faults": 40, "chance_found": 4, "chance_true": 4,
                "chance_false": 30},
        "cpu": {"faults": 20, "found": 20, "true": 20, "false": 0, "explained": 20},
        "space": {"faults": 20, "found": 8, "true": 8, "false": 8, "explained": 8},
    },
    "kinds": {"stuck": {"faults": 10, "found": 1}, "cpu hog": {"faults": 10, "found": 10}},
    "delays": [60, 120, 240], "hours": 24.0,
}  # fmt: skip


def card(one: Machine, **more: Any) -> Card:
    return Card.objects.create(
        server=one.server, day=now().date(), version=1, measured_at=now(), span_from=0, span_to=1, threshold=2,
        counts=COUNTS, f1=0.9, fpr=0.007, **more,
    )  # fmt: skip


def test_the_card_says_how_good_the_models_are_and_what_they_cannot_see(machine: Make, person: Person) -> None:
    one = machine()
    assert "There are no models yet." in page(person(), "/models/")
    learnt(one)
    assert "none was measured yet" in page(person(), "/models/")
    card(one, may_page=True)
    for path in ("/models/", f"/servers/{one.server.uuid}/model/"):
        said = page(person(), path)
        for words in ("90 %", "0.69 %", "Stuck value: mostly missed, 10 % noticed.", "advice only", "by chance 11 %"):
            assert words in said, (path, words)
    episode(one, answer="not_normal", ended_at=now())
    assert "a precision of 100 %" in page(person(), "/models/")


def test_alarms_of_the_demo_are_not_called_real(machine: Make, person: Person) -> None:
    one = machine()
    one.server.demo = True
    one.server.save()
    learnt(one)
    episode(one, answer="not_normal", ended_at=now())
    for path in ("/models/", f"/servers/{one.server.uuid}/model/"):
        said = page(person(), path)
        assert "There was no real alarm in the last 30 days." in said
        assert "One alarm was of the demo: it is simulated" in said
        assert "a precision of" not in said


def test_an_earlier_version_judges_again_by_one_click(machine: Make, person: Person) -> None:
    one = machine()
    watch = learnt(one)
    kept = version(one, 2, "kept", figures={"alert_share": 0.01})
    refused = version(one, 3, "refused", said="It would call 9 % unusual.")
    path = f"/servers/{one.server.uuid}/model/"
    assert "Roll back to this" not in page(person(role="viewer"), path)
    assert signed_in(person(role="viewer")).post(path, {"version": str(kept.uuid)}).status_code == 404
    client = signed_in(person(role="admin"))
    assert "It would call 9 % unusual." in page(person(role="admin"), path)
    for wrong in ("x", str(refused.uuid)):
        client.post(path, {"version": wrong})
        assert ModelVersion.objects.get(state="current").number == 1
    client.post(path, {"version": str(kept.uuid)})
    watch.refresh_from_db()
    assert watch.version == kept


def test_a_strip_of_silence_is_no_calm(person: Person, team: Team) -> None:
    assert "Nothing was judged in the last day." in page(person())


def test_the_server_page_says_what_is_unusual_though_no_rule_does(machine: Make, person: Person) -> None:
    one = machine()
    learnt(one)
    row = episode(one)
    path = f"/servers/{one.server.uuid}/"

    def told() -> list[Any]:
        found = signed_in(person()).get(path, headers={"accept": "application/json"}).json()
        return list(found["story"]["troubles"])

    (trouble,) = told()
    assert trouble["title"].startswith("Disk write (device sda) is 240 MB/s: 6 times the usual for")
    assert (trouble["kind"], trouble["severity"]) == ("anomaly", "warn")
    Episode.objects.filter(pk=row.pk).update(ended_at=now())
    assert told() == []


def test_charts_get_the_band_of_what_is_usual(machine: Make, api: Callable[..., Client]) -> None:
    one = machine()
    base = f"/api/v1/servers/{one.server.uuid}"
    assert api().get(f"{base}/around").json()["usual"] == {"t": [], "series": []}
    times, values = quiet(4)
    model = pipeline.fit(times, values, COLUMNS)
    Watch.objects.create(server=one.server, since=1)
    store(Made(one.server.pk, "day", model, short=False))
    found = api().get(f"{base}/around").json()["usual"]
    (cpu,) = [line for line in found["series"] if line["metric"] == "cpu_used_percent"]
    assert len(cpu["low"]) == len(cpu["high"]) == len(found["t"])
    assert all(0 <= low < high <= 100 for low, high in zip(cpu["low"], cpu["high"], strict=True))
    asked = api().get(f"{base}/usual?metric=own_queue").json()
    assert [line["metric"] for line in asked["series"]] == ["own_queue"]
    assert api().get(f"{base}/usual").status_code == 400


def test_the_card_is_had_by_programs_of_one_server_or_all(
    machine: Make, api: Callable[..., Client], person: Person, other_team: Team
) -> None:
    one, two = machine("web-1"), machine("web-2")
    card(one, may_page=True)
    card(two)
    found = api().get("/api/v1/model_cards").json()
    assert (found["servers"], found["may_page"], found["card"]["all"]["faults"]) == (2, 1, 80)
    alone = api().get(f"/api/v1/model_cards?server={one.server.uuid}").json()
    assert alone["card"]["all"]["f1"] == pytest.approx(0.9)
    stranger = api(person(of=other_team))
    assert stranger.get("/api/v1/model_cards").json()["card"] is None
    assert stranger.get(f"/api/v1/model_cards?server={one.server.uuid}").status_code == 404


def test_who_switches_a_rule_of_the_models_on_is_told_whether_they_may_page(machine: Make, person: Person) -> None:
    one, two = machine("web-1"), machine("web-2")
    card(one, may_page=True)
    card(two)

    def gate() -> str:
        reply = signed_in(person()).get("/rules/new/", headers={"accept": "application/json"})
        return str(reply.json()["gate"])

    assert gate().startswith("On 1 of 2 servers the models have passed their report card")
    Card.objects.update(may_page=True)
    assert gate() == "On all 2 servers the models have passed their report card."
