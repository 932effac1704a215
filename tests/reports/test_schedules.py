"""Reports by mail: to a real server of mail, once for each time, to those who may have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from accounts.models import Audit, Membership, Team, User
from alerts.models import Alert, Channel, Incident, Rule
from core import zones
from core.clock import milliseconds, now
from metrics.models import Series
from reports import periods, scope
from reports.kinds import incidents
from reports.kinds.base import Asked
from reports.models import DONE, Run, Schedule, Sending
from reports.services import files, mailing, make, schedules
from tests.reports.conftest import DAY, HOUR, Past
from tests.sinks import MailSink

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def sink(settings: Any) -> Iterator[MailSink]:
    with MailSink() as found:
        settings.EMAIL_BACKEND = SMTP
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        yield found


@pytest.fixture
def schedule(team: Team, person: Callable[..., User]) -> Schedule:
    manager = person("manager")
    made = Schedule(
        team=team, name="Week of the shop", kind="availability", rhythm="week", zone="Europe/Copenhagen",
        formats=["xlsx", "csv"], people=[str(manager.uuid)],
    )  # fmt: skip
    return schedules.save(made, by=manager)


def due(schedule: Schedule, at: datetime) -> list[Run]:
    Schedule.objects.filter(pk=schedule.pk).update(next_at=at)
    schedules.due(at)
    runs = list(Run.objects.filter(schedule=schedule).order_by("pk"))
    for run in runs:
        make(run)
    mailing.address_all(now())
    return runs


def test_a_report_is_mailed_with_its_files_and_a_way_out(past: Past, schedule: Schedule, sink: MailSink) -> None:
    at = now()
    week = periods.last("week", zones.find(schedule.zone) or zones.UTC, at)
    begin = round(week.start.timestamp() * 1000)
    past.ourselves(begin, begin + 2 * HOUR)
    row = past.server("web-1", begin)
    past.tell(row, begin, begin + 2 * HOUR, [(begin + HOUR // 2, begin + HOUR)])
    [run] = due(schedule, at)
    assert run.state == DONE
    assert mailing.send_due(now()) == 1
    [letter] = sink.wait()
    assert schedule.owner is not None
    assert letter["To"] == schedule.owner.email
    assert letter["Subject"].startswith("Week of the shop: ")
    assert [part.get_filename() for part in letter.iter_attachments()] == [
        f"availability-{week.start.astimezone(week.zone):%Y-%m-%d}.{form}" for form in ("xlsx", "csv")
    ]
    attached = next(iter(letter.iter_attachments())).get_content()
    assert attached.startswith(b"PK")
    text = letter.get_body(("plain",))
    assert text is not None
    assert "Availability" in text.get_content()
    way_out = letter["List-Unsubscribe"].strip().strip("<>")
    assert way_out in text.get_content().replace("=\n", "")

    stranger = Client()
    path = way_out.removeprefix(way_out.split("/reports/")[0])
    assert b"Send it to me no more" in stranger.get(path).content
    assert schedules.recipients(schedule)
    assert stranger.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    schedule.refresh_from_db()
    assert schedules.recipients(schedule) == []
    assert stranger.post("/reports/stop/forged.token/").status_code == 410


def test_no_time_is_sent_twice_and_late_is_once(
    past: Past, schedule: Schedule, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    past.server("web-1", milliseconds() - 60 * DAY)
    monday = datetime(2026, 11, 16, 6, tzinfo=UTC)
    first = due(schedule, monday)
    assert len(due(schedule, monday)) == len(first) == 1
    later = due(schedule, monday + timedelta(days=24))  # three were missed meanwhile
    assert [run.start.isoformat() for run in later] == ["2026-11-08T23:00:00+00:00", "2026-11-29T23:00:00+00:00"]
    schedule.refresh_from_db()
    assert schedule.next_at == datetime(2026, 12, 14, 6, tzinfo=UTC)
    assert Sending.objects.count() == 2
    mailing.address_all(now())
    assert mailing.send_due(now() + timedelta(seconds=1)) == 2
    assert mailing.send_due(now() + timedelta(seconds=2)) == 0
    assert len(outbox.outbox) == 2


def test_a_week_in_which_nothing_happened_makes_a_short_mail(past: Past, schedule: Schedule, sink: MailSink) -> None:
    past.server("web-1", milliseconds() + DAY)
    due(schedule, now())
    mailing.send_due(now() + timedelta(seconds=1))
    [letter] = sink.wait()
    assert "nothing happened" in letter["Subject"]
    assert not list(letter.iter_attachments())


def test_a_mail_server_that_refuses_is_tried_again_and_told_at_the_schedule(
    past: Past, schedule: Schedule, sink: MailSink
) -> None:
    past.server("web-1", milliseconds() - 60 * DAY)
    sink.refuse = True
    at = now() + timedelta(seconds=1)
    due(schedule, now())
    assert mailing.send_due(at) == 0
    schedule.refresh_from_db()
    assert "451" in schedule.fault
    assert mailing.send_due(at + timedelta(seconds=30)) == 0
    sink.refuse = False
    assert mailing.send_due(at + timedelta(seconds=61)) == 1
    schedule.refresh_from_db()
    assert schedule.fault == ""


def test_without_a_mail_server_the_pages_say_that_nothing_is_sent(
    past: Past, schedule: Schedule, settings: Any
) -> None:
    settings.EMAIL_HOST = ""
    past.server("web-1", milliseconds() - 60 * DAY)
    client = Client()
    assert schedule.owner is not None
    client.force_login(schedule.owner)
    warning = b"No mail server is set, so nothing will be sent; ask an admin (Settings, Mail)."
    assert warning in client.get("/reports/schedules/new/").content
    assert warning in client.get("/reports/").content
    [run] = due(schedule, now())
    assert mailing.send_due(now() + timedelta(seconds=1)) == 0
    settings.EMAIL_HOST = "mail.example.org"  # set by now; this one did not go out yet
    assert warning in client.get(f"/reports/{run.uuid}/").content
    page = client.get("/reports/").content
    assert page.count(warning) == 2
    assert b"Not mailed" in page
    assert warning not in client.get("/reports/schedules/new/").content


def test_one_report_that_cannot_be_read_does_not_stand_before_the_others(
    past: Past, schedule: Schedule, sink: MailSink
) -> None:
    past.server("web-1", milliseconds() - 60 * DAY)
    monday = datetime(2026, 11, 16, 6, tzinfo=UTC)
    due(schedule, monday)
    broken, _whole = due(schedule, monday + timedelta(days=7))
    files.path(broken, "json").write_bytes(b"{")
    assert mailing.send_due(now() + timedelta(seconds=1)) == 1
    assert "the log of the hub" in Sending.objects.get(run=broken).error
    assert mailing.send_due(now() + timedelta(days=2)) == 0
    assert Sending.objects.get(run=broken).due_at > now() + timedelta(days=1000)


def test_whoever_left_or_is_narrowed_meanwhile_gets_nothing(schedule: Schedule) -> None:
    assert len(schedules.recipients(schedule)) == 1
    Membership.objects.filter(user=schedule.owner).update(selector="tag:db")
    assert schedules.recipients(schedule) == []
    due(schedule, now())
    schedule.refresh_from_db()
    assert "Nobody is left" in schedule.fault
    assert not Run.objects.exists()


def test_addresses_are_those_that_an_admin_let_in(
    api: Callable[..., Client], team: Team, person: Callable[..., User]
) -> None:
    channel = Channel(team=team, name="Mail", kind="email")
    channel.config = {"to": ["board@example.org"]}
    channel.save()
    body = {"name": "Month", "kind": "overview", "rhythm": "month", "addresses": ["board@example.org"]}
    manager, admin = api(person("manager")), api(person("admin"))

    def post(client: Client, **more: Any) -> Any:
        return client.post("/api/v1/report_schedules", body | more, content_type="application/json")

    made = post(manager)
    assert made.status_code == 201, made.json()
    assert made.json()["zone"] == "UTC"
    assert "may add it" in post(manager, name="Other", addresses=["rival@example.com"]).json()["fields"]["addresses"]
    assert post(admin, name="Other", addresses=["rival@example.com"]).status_code == 201
    assert "taken" in str(post(admin).json()["fields"]["name"])
    assert "somebody" in str(post(admin, name="None", addresses=[]).json()["fields"]["people"])
    assert "time zone" in str(post(admin, name="Mars", zone="Mars").json()["fields"]["zone"])
    where = f"/api/v1/report_schedules/{made.json()['id']}"
    patched = manager.patch(where, {"hour": 9, "rhythm": "week"}, content_type="application/json").json()
    assert (patched["hour"], patched["rhythm"]) == (9, "week")
    assert manager.delete(where).status_code == 204
    actions = set(Audit.objects.values_list("action", flat=True))
    assert {"report_schedule.make", "report_schedule.change", "report_schedule.remove"} <= actions


def test_the_form_makes_and_changes_a_schedule(team: Team, person: Callable[..., User]) -> None:
    manager = person("manager")
    client = Client()
    client.force_login(manager)
    assert client.get("/reports/schedules/new/").status_code == 200
    given = {
        "name": "Each week", "kind": "overview", "rhythm": "week", "hour": "8", "zone": "Europe/Copenhagen",
        "language": "da", "target": "99.5", "formats": ["pdf"], "people": [str(manager.uuid)], "enabled": "on",
        "addresses": "",
    }  # fmt: skip
    sent = client.post("/reports/schedules/new/", given)
    assert sent.status_code == 302, sent.content.decode()
    made = Schedule.objects.get()
    assert (made.hour, made.target, made.language) == (8, 99.5, "da")
    assert b"Each week" in client.get("/reports/").content
    assert re.search(
        rb'name="rhythm".*?<option value="month" selected', client.get("/reports/schedules/new/").content, re.S
    )
    where = f"/reports/schedules/{made.uuid}/"
    wrong = client.post(where, given | {"zone": "Mars"})
    assert b"no such time zone" in wrong.content
    assert client.post(where, {"remove": "1"}).status_code == 302
    assert not Schedule.objects.exists()


def test_runs_of_a_schedule_are_seen_by_who_reports_on_the_whole_team(
    past: Past, schedule: Schedule, api: Callable[..., Client], person: Callable[..., User], settings: Any
) -> None:
    past.server("web-1", milliseconds() - 60 * DAY)
    [run] = due(schedule, now())
    assert files.document(run) is not None
    where = f"/api/v1/report_runs/{run.uuid}"
    assert api(person("manager")).get(where).status_code == 200
    assert api(person("viewer")).get(where).status_code == 404
    narrow = person("manager")
    Membership.objects.filter(user=narrow).update(selector="tag:web")
    assert api(narrow).get(where).status_code == 404


def test_what_is_mailed_leaves_out_what_is_simulated(team: Team, past: Past, schedule: Schedule) -> None:
    begin = milliseconds() - 60 * DAY
    rows = [past.server("web-1", begin), past.server("demo-1", begin, demo=True)]
    rule = Rule.objects.create(team=team, name="CPU hot", metric="cpu_used_percent", critical=95)
    for row in rows:
        incident = Incident.objects.create(team=team, key=row.name, title=row.name, opened_at=now(), rule=rule)
        series = Series.objects.get_or_create(metric="cpu_used_percent", labels="")[0]
        Alert.objects.create(
            rule=rule, server=row, series=series, severity="critical", value=99, limit=95, since=1, judged=1,
            state="firing", incident=incident,
        )  # fmt: skip
    found = scope.of(None, team, "", now() - timedelta(days=1), now())
    assert [one.name for one in found.machines] == ["web-1"]
    period = periods.Period("day", now() - timedelta(days=1), now() + timedelta(days=1), zones.UTC)
    asked = Asked(None, found, period, 99.9, team=team.pk)
    assert [one.title for one in incidents.of(asked)] == ["web-1"]
