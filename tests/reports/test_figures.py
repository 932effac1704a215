"""The figures of reports against a count from the raw rows that is written differently."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from accounts.models import Team, User
from alerts.models import Alert, Incident, Rule, Silence
from alerts.services import silences
from checks import services
from checks.models import Check
from core import zones
from core.clock import milliseconds
from metrics.models import Series
from reports import looked, scope, windows
from reports.engine.availability import Window
from reports.engine.spans import length
from reports.forms import RunForm
from reports.kinds import capacity, incidents
from reports.kinds.availability import servers
from reports.kinds.base import Asked
from reports.periods import Period
from reports.reach import Reader
from reports.services import asking, files
from servers.models import Server
from servers.services import change
from servers.services import remove as remove_servers
from tests.reports.conftest import DAY, HOUR, MINUTE, Past

SECOND = 1000


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def judged(team: Team, begin: int, end: int, user: User | None = None) -> dict[str, Any]:
    period = Period("custom", at(begin), at(end), zones.UTC)
    found = scope.of(user, None if user else team, "", period.start, period.end)
    asked = Asked(user, found, period, 99.9)
    return {one.machine.name: one.shares for one in servers(asked, Reader(found.start, found.end))}


def counted(
    times: list[int], ours: list[int], life: tuple[int, int], planned: tuple[int, int, int] | None = None
) -> dict[str, int]:
    """Second by second: was there a sample in the ten seconds before, in a silence of at most a minute?"""
    found = dict.fromkeys(("up", "planned", "unknown", "down"), 0)
    for second in range(life[0], life[1], SECOND):
        last, following = _around(times, second)
        quiet = min(following, life[1]) - last > MINUTE and second - last >= 10 * SECOND
        if not quiet:
            found["up"] += SECOND
            continue
        our_last, our_next = _around(ours, second)
        silent_since = last + 10 * SECOND
        if planned and planned[0] <= second < planned[1] and planned[2] <= max(silent_since, life[0]):
            found["planned"] += SECOND
        elif our_next - our_last > MINUTE or _just_back(ours, second):
            found["unknown"] += SECOND
        else:
            found["down"] += SECOND
    return found


def _around(times: list[int], second: int) -> tuple[int, int]:
    place = bisect_right(times, second)
    return times[place - 1] if place else -(1 << 60), times[place] if place < len(times) else 1 << 60


def _just_back(ours: list[int], second: int) -> bool:
    """Machines get 90 seconds to send what they kept once we are back."""
    place = bisect_right(ours, second)
    for now, before in zip(reversed(ours[:place]), reversed(ours[: max(0, place - 1)]), strict=False):
        if second - now >= 90 * SECOND:
            return False
        if now - before > MINUTE:
            return True
    return False


@pytest.fixture
def evening() -> tuple[int, int]:
    """Six whole hours that are over, so that nothing hangs on the moment of the test."""
    end = milliseconds() // HOUR * HOUR - HOUR
    return end - 6 * HOUR, end


def test_figures_equal_a_count_from_the_raw_rows(past: Past, team: Team, evening: tuple[int, int]) -> None:
    begin, end = evening
    away = (begin + 3 * HOUR, begin + 3 * HOUR + 20 * MINUTE)
    canary = past.ourselves(begin - HOUR, end + HOUR, [away])
    holes = {
        "steady": [],
        "rebooted": [(begin + 40 * MINUTE + 3000, begin + 42 * MINUTE)],
        "late": [(begin + HOUR, begin + HOUR + 50 * SECOND)],
        "down twice": [
            (begin + 10 * MINUTE, begin + 95 * MINUTE),
            (begin + 5 * HOUR, begin + 5 * HOUR + 61 * SECOND),
        ],
        "gone with us": [(away[0] + 2 * MINUTE, away[1] - MINUTE)],
        "longer than us": [(away[0] - 5 * MINUTE, away[1] + 10 * MINUTE)],
        "mended": [(begin + 2 * HOUR, begin + 2 * HOUR + 25 * MINUTE)],
        "never back": [(begin + 4 * HOUR, end + HOUR)],
    }
    rows = {name: past.server(name, begin - HOUR) for name in holes}
    for name, row in rows.items():
        past.tell(row, begin - HOUR, end + HOUR, holes[name])
    plan = Silence.objects.create(
        team=team, selector="name:mended", reason="New disk", starts_at=at(begin + 2 * HOUR - 5 * MINUTE),
        ends_at=at(begin + 2 * HOUR + 15 * MINUTE),
    )  # fmt: skip
    written = begin + HOUR
    Silence.objects.filter(pk=plan.pk).update(created_at=at(written))
    window = (begin + 2 * HOUR - 5 * MINUTE, begin + 2 * HOUR + 15 * MINUTE, written)

    found = judged(team, begin, end)

    ours = sorted(past.written[canary.pk])
    for name, row in rows.items():
        shares = found[name]
        wanted = counted(sorted(past.written[row.pk]), ours, (begin, end), window if name == "mended" else None)
        got = {"up": shares.up, "planned": shares.planned, "unknown": shares.unknown, "down": shares.down}
        assert sum(got.values()) == 6 * HOUR, name
        for share, value in wanted.items():
            assert abs(got[share] - value) <= 16 * SECOND, (name, share, got, wanted)
    assert found["steady"].percent == 100
    assert found["late"].percent == 100
    assert found["gone with us"].down == 0
    assert found["mended"].planned > 14 * MINUTE
    assert found["mended"].down > 9 * MINUTE


def test_a_silence_that_is_changed_afterwards_excuses_no_outage_and_takes_nothing_back(
    past: Past, team: Team, evening: tuple[int, int], person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = evening
    past.ourselves(begin - HOUR, end + HOUR)
    hole = begin + 2 * HOUR, begin + 4 * HOUR
    row = past.server("mended", begin - HOUR)
    past.tell(row, begin - HOUR, end + HOUR, [hole])
    plan = Silence.objects.create(
        team=team, selector="name:mended", reason="New disk", starts_at=at(hole[0] - MINUTE),
        ends_at=at(hole[0] + HOUR),
    )  # fmt: skip
    Silence.objects.filter(pk=plan.pk).update(created_at=at(begin))
    plan.refresh_from_db()
    by = person("admin")
    for moment, values in (
        (hole[0] + 30 * MINUTE, {"ends_at": at(hole[1])}),  # made longer while it was down: too late for this time
        (hole[1] + HOUR, {"selector": "name:else"}),  # meant for another afterwards: it was planned all the same
    ):
        for name, value in values.items():
            setattr(plan, name, value)
        with monkeypatch.context() as then:
            then.setattr("django.utils.timezone.now", lambda moment=moment: at(moment))
            silences.save(plan, at(moment), by=by)
    found = judged(team, begin, end)["mended"]
    assert abs(found.planned - HOUR) <= 16 * SECOND
    assert abs(found.down - HOUR) <= 16 * SECOND


def test_what_a_change_left_as_it_was_stays_planned() -> None:
    assert windows.planned([(0, [(10, 20)]), (12, [(10, 15), (30, 40)])]) == [
        Window(10, 12, 0), Window(12, 15, 0), Window(30, 40, 12),
    ]  # fmt: skip
    assert windows.planned([(5, [(0, 20)])]) == [Window(5, 20, 5)]


def test_a_server_counts_from_its_enrolment_and_a_removed_one_while_it_lived(
    past: Past, team: Team, person: Callable[..., User]
) -> None:
    end = milliseconds()
    begin = end - 4 * HOUR
    past.ourselves(begin - HOUR, end)
    young = past.server("young", end - HOUR)
    past.tell(young, end - HOUR, end)
    old = past.server("old", begin - HOUR, tags=["db"])
    hole = (end - 3 * HOUR, end - 2 * HOUR)
    past.tell(old, begin - HOUR, end, [hole])
    manager = person("manager")
    before = judged(team, begin, end, manager)
    assert abs(before["young"].lived - HOUR) < 10 * SECOND
    assert before["young"].percent == 100

    remove_servers([old], by=manager)

    after = judged(team, begin, end + MINUTE, manager)
    assert not Server.objects.filter(name="old").exists()
    assert abs(after["old"].down - before["old"].down) < 20 * SECOND
    assert abs(after["old"].lived - 4 * HOUR) < MINUTE
    assert abs(after["old"].down - HOUR) < 20 * SECOND


def test_time_before_the_first_sample_is_neither_down_nor_unknown(
    past: Past, team: Team, evening: tuple[int, int], person: Callable[..., User]
) -> None:
    begin, end = evening
    past.ourselves(begin - HOUR, end)
    invited = past.server("invited", begin)
    past.tell(invited, begin + 5 * MINUTE, end)
    past.write(invited, ("check_up",), np.arange(begin, begin + 5 * MINUTE, MINUTE), np.ones((5, 1)))
    past.server("never heard", begin)
    found = judged(team, begin, end)
    assert set(found) == {"invited"}
    assert (found["invited"].down, found["invited"].unknown) == (0, 0)
    assert found["invited"].lived == 6 * HOUR - 5 * MINUTE
    assert found["invited"].percent == 100
    remove_servers(list(Server.objects.filter(internal=False)), by=person("manager"))
    after = judged(team, begin, end)
    assert {name: (one.lived, one.down) for name, one in after.items()} == {"invited": (6 * HOUR - 5 * MINUTE, 0)}


def test_history_that_was_filled_in_counts_from_its_first_sample_and_hides_no_outage_of_today(
    past: Past, team: Team, person: Callable[..., User]
) -> None:
    """As a machine tells that brings its past along: thin where it is long ago, and silent now and then today."""
    end = milliseconds() // HOUR * HOUR
    begin, made = end - 4 * DAY, end - 20 * MINUTE
    past.ourselves(made, end)
    row = past.server("brought its past", made)
    for first, last, every in ((begin, end - DAY, 300), (end - DAY, end - 2 * HOUR, 60), (end - 2 * HOUR, made, 10)):
        past.tell(row, first, last, every=every * SECOND)
    hole = made + 4 * MINUTE, made + 7 * MINUTE
    past.tell(row, made, end, [hole])
    shares = judged(team, begin - 3 * DAY, end)["brought its past"]
    assert shares.lived == 4 * DAY
    assert shares.unknown == 0
    assert shares.downs == [hole]
    before = Period("custom", at(begin), at(begin + DAY), zones.UTC)
    manager = person("manager")
    run = asking.ask(asking.Wish("availability", before), by=manager)
    assert (run.state, run.servers) == ("done", 1)
    form = RunForm(manager)
    assert next(iter(form["period"])).data["value"] == form.initial["period"]
    oldest = at(begin).date()
    # In the first days of a month those four reach into the one before, of which there is something to report then.
    assert (form.initial["period"] == "month") == (oldest < at(milliseconds()).date().replace(day=1))
    assert form.initial["first"] == oldest


def test_what_was_not_heard_but_sent_later_is_up_and_said(
    past: Past, team: Team, person: Callable[..., User]
) -> None:
    end = milliseconds() - MINUTE
    past.ourselves(end - 2 * HOUR, end)
    cut, down = past.server("cut off", end - HOUR), past.server("down", end - HOUR)
    gone = end - 30 * MINUTE, end - 20 * MINUTE
    past.tell(cut, end - HOUR, end)
    past.tell(down, end - HOUR, end, [gone])
    rule = Rule.objects.create(team=team, name="Silent", kind="no_data", metric="", keep_firing_seconds=120)
    series = Series.objects.create(metric="silent_seconds")
    for row in (cut, down):
        incident = Incident.objects.create(team=team, rule=rule, key=row.name, title=row.name, opened_at=at(gone[0]))
        Alert.objects.create(
            rule=rule, server=row, series=series, incident=incident, state="resolved", severity="critical", value=600,
            limit=60, since=gone[0], judged=gone[1], resolved_at=at(gone[1] + 2 * MINUTE + 5 * SECOND),
        )  # fmt: skip
    time = Period("custom", at(end - HOUR), at(end), zones.UTC)
    document = files.document(asking.ask(asking.Wish("availability", time), by=person("manager")))
    assert document is not None
    assert "Not heard for a while, but up by their own later samples: cut off 12 min." in document.sentences


def test_the_headline_says_how_much_was_watched(past: Past, team: Team, person: Callable[..., User]) -> None:
    end = milliseconds()
    past.ourselves(end - HOUR, end)
    row = past.server("young", end - 10 * MINUTE)
    past.tell(row, end - 10 * MINUTE, end, [(end - 6 * MINUTE, end - 4 * MINUTE)])
    past.server("not there yet", end - 10 * MINUTE)
    manager = person("manager")
    for begin, said in (
        (HOUR, r"Together .* up 8\d % of the time that counts. On average they were watched for 10 min of 1 h."),
        (4 * DAY, r"Too little was watched to judge the whole time: on average 10 min of 4 d. Of that .* up 8\d %."),
    ):
        time = Period("custom", at(end - begin), at(end), zones.UTC)
        document = files.document(asking.ask(asking.Wish("availability", time), by=manager))
        assert document is not None
        assert re.fullmatch(said, document.sentences[0])
        assert document.sentences[1] == "1 server has not reported yet: it does not count."


def test_growth_counts_from_the_day_a_server_came(past: Past, team: Team) -> None:
    end = milliseconds() // HOUR * HOUR - HOUR
    begin, came = end - 6 * DAY, end - 2 * DAY
    row = past.server("came later", came)
    times = np.arange(came, end, 10 * MINUTE, dtype=np.int64)
    past.write(row, ('disk_used_percent{mount="/"}',), times, np.linspace(40, 50, len(times))[:, None])
    period = Period("custom", at(begin), at(end), zones.UTC)
    asked = Asked(None, scope.of(None, team, "", period.start, period.end), period, 99.9, team=team.pk)
    [room] = capacity.read(asked)
    assert room.disk.grown == pytest.approx(10, abs=0.5)


def test_a_machine_nobody_expects_to_report_is_not_down(past: Past, team: Team, person: Callable[..., User]) -> None:
    end = milliseconds()
    past.ourselves(end - 2 * HOUR, end)
    row = past.server("laid up", end - HOUR)
    past.tell(row, end - HOUR, end - 30 * MINUTE)
    assert judged(team, end - 2 * HOUR, end)["laid up"].down > 25 * MINUTE
    change(row, {"paused": True}, by=person())
    assert judged(team, end - 2 * HOUR, end)["laid up"].down > 25 * MINUTE  # paused after it fell silent
    Silence.objects.all().delete()


def test_without_a_sign_of_our_own_life_silence_proves_nothing(past: Past, team: Team) -> None:
    end = milliseconds()
    row = past.server("quiet", end - 3 * HOUR)
    past.tell(row, end - 3 * HOUR, end - HOUR)
    shares = judged(team, end - 2 * HOUR, end)["quiet"]
    assert shares.down == 0
    assert shares.unknown > 55 * MINUTE
    assert shares.percent == 100


@pytest.mark.parametrize("away", [40, 79, 150])
def test_a_server_is_unknown_while_we_were_away_however_short_it_was(
    past: Past, team: Team, evening: tuple[int, int], away: int
) -> None:
    begin, end = evening
    hole = (begin + HOUR + 7000, begin + HOUR + 7000 + away * SECOND)
    past.ourselves(begin - HOUR, end + HOUR, [hole])
    row = past.server("cut off", begin - HOUR)
    past.tell(row, begin - HOUR, end + HOUR, [(hole[0] - 5000, hole[1] + 60 * SECOND)])
    own = past.server("down itself", begin - HOUR)
    past.tell(own, begin - HOUR, end + HOUR, [(begin + 3 * HOUR, begin + 3 * HOUR + 79 * SECOND)])

    found = judged(team, begin, end)

    assert found["cut off"].down == 0
    assert found["cut off"].unknown >= away * SECOND
    assert found["down itself"].down > 60 * SECOND


def test_the_report_and_the_page_of_a_check_give_the_same_figures(past: Past, team: Team) -> None:
    end = milliseconds() - MINUTE
    begin = end - 2 * HOUR
    past.ourselves(begin - HOUR, end)
    away = (begin + HOUR, begin + HOUR + 230 * SECOND)
    made = {}
    for kind, target, config in (("tcp", "192.0.2.1:80", {}), ("heartbeat", "", {"every": 600, "grace": 60})):
        row = Check(team=team, kind=kind, name=kind, target=target, config=config, interval=10)
        made[kind] = services.make(row, by=None)
        Check.objects.filter(pk=row.pk).update(created_at=at(begin - HOUR))
        every = services.every(row)
        times = np.arange(begin - HOUR, end, every, dtype=np.int64)
        times = times[(times < away[0]) | (times >= away[1])]
        bad = (times >= begin + 30 * MINUTE) & (times < begin + 44 * MINUTE)
        past.write(row.server, (row.column("check_up"),), times, np.where(bad, 0.0, 1.0)[:, None])
    period = Period("custom", at(begin), at(end), zones.UTC)
    asked = Asked(None, scope.of(None, team, "", period.start, period.end), period, 99.9, team=team.pk)
    found = {one.name: one for one in looked.checks(asked, team.pk, Reader(begin, end))}
    for kind, one in found.items():
        page = services.history(made[kind], begin, end).share
        assert (length(one.bad) / 1000, length(one.blind) / 1000) == (page.down, page.unknown), kind
        assert 13 * 60 <= page.down <= 15 * 60, kind
    assert length(found["tcp"].blind) >= 205 * SECOND
    assert set(found) == {"tcp", "heartbeat"}


def test_a_check_that_was_removed_is_in_the_report_of_the_time_when_it_stood(past: Past, team: Team) -> None:
    end = milliseconds() - MINUTE
    begin = end - 2 * HOUR
    machine = past.server("web-1", begin - HOUR)
    past.tell(machine, begin - HOUR, end)
    made = []
    for name, server in (("alone", None), ("tied", machine), ("with its machine", machine)):
        made.append(
            services.make(Check(team=team, kind="tcp", name=name, target="192.0.2.1:80"), server=server, by=None)
        )
        Check.objects.filter(pk=made[-1].pk).update(created_at=at(begin))
        made[-1].refresh_from_db()
        times = np.arange(begin, end, 60_000, dtype=np.int64)
        bad = (times >= begin + 30 * MINUTE) & (times < begin + 44 * MINUTE)
        past.write(made[-1].server, (made[-1].column("check_up"),), times, np.where(bad, 0.0, 1.0)[:, None])
    period = Period("custom", at(begin), at(end), zones.UTC)

    def told(whole: bool = True) -> dict[str, tuple[int, int | None]]:
        asked = Asked(
            None, scope.of(None, team, "", period.start, period.end), period, 99.9, team=team.pk, whole=whole
        )
        return {one.name: (length(one.bad), one.removed) for one in looked.checks(asked, team.pk, Reader(begin, end))}

    before = told()
    assert {down for down, _removed in before.values()} == {14 * MINUTE}
    services.remove(made[0], by=None)
    services.remove(made[1], by=None)
    remove_servers([machine])
    after = told()
    assert {name: down for name, (down, _removed) in after.items()} == {
        name: down for name, (down, _) in before.items()
    }
    assert all(removed and removed >= end for _down, removed in after.values())
    assert set(told(whole=False)) == {"tied", "with its machine"}
    later = Period("custom", at(milliseconds() + MINUTE), at(milliseconds() + HOUR), zones.UTC)
    asked = Asked(None, scope.of(None, team, "", later.start, later.end), later, 99.9, team=team.pk)
    assert list(looked.checks(asked, team.pk, Reader(milliseconds() + MINUTE, milliseconds() + HOUR))) == []


def test_hours_alone_tell_nearly_the_same_as_samples(past: Past, team: Team, evening: tuple[int, int]) -> None:
    """Where nothing finer is kept any more."""
    begin, end = evening
    hole = (begin + 50 * MINUTE, begin + 190 * MINUTE)
    row = past.server("coarse", begin)
    past.tell(row, begin, end, [hole])
    found = scope.of(None, team, "", at(begin), at(end))
    exact = Reader(begin, end).silent(found.machines)[row.pk]
    hours = Reader(begin - 60 * 24 * HOUR, end)
    assert hours.tier() == 3600
    assert hours.silent(found.machines)[row.pk] == exact  # looked at again by its samples
    near = Reader(begin - 60 * 24 * HOUR, end, looks=0).silent(found.machines)[row.pk]
    assert abs(sum(b - a for a, b in near) - 140 * MINUTE) <= 20 * SECOND


def test_a_report_says_who_is_left_out_and_who_came_later(
    past: Past, team: Team, person: Callable[..., User]
) -> None:
    present = milliseconds()
    past.server("live", present - HOUR)
    past.server("trial", present - HOUR, environment="staging")
    by, until = person("manager"), at(present + MINUTE)
    assert scope.of(by, None, "", at(present - HOUR), until).left == 1
    assert scope.of(by, None, "name:live", at(present - HOUR), until).left == 0
    assert scope.of(by, None, "env:staging", at(present - HOUR), until).left == 0
    rule = Rule.objects.create(team=team, name="CPU hot", metric="cpu_used_percent", critical=1)
    for name in ("live", "trial"):
        opened = Incident.objects.create(
            team=team, title=name, key=name, severity="critical", opened_at=at(present - MINUTE)
        )
        Alert.objects.create(
            rule=rule, server=Server.objects.get(name=name), series=Series.objects.create(metric=name), value=1,
            incident=opened, state="firing", severity="critical", since=present, judged=present, limit=1,
        )  # fmt: skip
    period = Period("custom", at(present - HOUR), until, zones.UTC)
    for text, titles in (("", {"live"}), ("env:staging", {"trial"})):
        asked = Asked(by, scope.of(by, None, text, period.start, until), period, 99.9, whole=not text)
        assert {one.title for one in incidents.of(asked)} == titles
    before = Period("custom", at(present - 50 * HOUR), at(present - 26 * HOUR), zones.UTC)
    with pytest.raises(asking.Refused, match="added later"):
        asking.ask(asking.Wish("availability", before), by=by)
