"""What somebody had made is theirs as long as they may see it, and nobody floods or is mailed what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as outbox
from django.template import Context, Template
from django.test import Client

from accounts import narrow
from accounts.models import Membership, Team, User
from core.clock import milliseconds, now
from reports.document import Bar, Cell, Chart, Column, Document, Figure, Section, Table
from reports.formats.pdf import write
from reports.models import DONE, Run, Schedule, Sending
from reports.services import asking, files, mailing, make, schedules
from tests.reports.conftest import HOUR, Past

Person = Callable[..., User]


@pytest.fixture
def asked(past: Past, api: Callable[..., Client], person: Person) -> Any:
    """A manager, and a report that they had made."""
    end = milliseconds()
    past.ourselves(end - HOUR, end)
    past.tell(past.server("web-1", end - HOUR, tags=["web"]), end - HOUR, end)
    manager = person("manager")
    client = api(manager)
    day = str(now().date())
    body = {"kind": "inventory", "period": "custom", "first": day, "last": day}
    run = client.post("/api/v1/report_runs", body, content_type="application/json").json()
    assert run["state"] == DONE
    return manager, client, f"/api/v1/report_runs/{run['id']}", body


def test_whoever_left_or_was_narrowed_took_nothing_along(asked: Any) -> None:
    manager, client, path, _body = asked
    mine = Membership.objects.filter(user=manager)
    assert client.get(f"{path}/document").status_code == 200
    mine.update(selector="tag:db")
    assert client.get(f"{path}/file?as=csv").status_code == 404
    assert client.get("/api/v1/report_runs").json()["results"] == []
    mine.update(selector="", role="viewer")
    assert client.get(f"{path}/document").status_code in {403, 404}
    mine.update(role="admin")
    assert client.get(f"{path}/document").status_code == 200
    page = Client()
    page.force_login(manager)
    address = path.removeprefix("/api/v1/report_runs")
    assert page.get(f"/reports{address}/").status_code == 200
    mine.delete()
    assert page.get(f"/reports{address}/").status_code == 404


def test_a_narrowed_report_stays_with_whoever_is_narrowed_alike_or_less(asked: Any) -> None:
    manager, client, _path, body = asked
    mine = Membership.objects.filter(user=manager)
    mine.update(selector="tag:web")
    narrow.forget()
    run = client.post("/api/v1/report_runs", body, content_type="application/json").json()
    assert client.get(f"/api/v1/report_runs/{run['id']}").status_code == 200
    mine.update(selector="")
    narrow.forget()
    assert client.get(f"/api/v1/report_runs/{run['id']}").status_code == 200


def test_somebody_has_so_many_made_in_an_hour(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _manager, client, _path, body = asked
    monkeypatch.setattr(asking, "MOST_AN_HOUR", 2)
    assert client.post("/api/v1/report_runs", body, content_type="application/json").status_code == 201
    refused = client.post("/api/v1/report_runs", body, content_type="application/json")
    assert refused.status_code == 400
    assert "within an hour" in str(refused.json()["fields"])


@pytest.fixture
def waiting(past: Past, team: Team, person: Person, settings: Any) -> Schedule:
    """A mail that its server has not taken yet."""
    settings.EMAIL_HOST = "mail.test"
    past.server("web-1", milliseconds() - 90 * 24 * HOUR)
    manager = person("manager")
    made = Schedule(team=team, name="Weekly", kind="inventory", rhythm="week", zone="UTC", people=[str(manager.uuid)])
    schedule = schedules.save(made, by=manager)
    Schedule.objects.filter(pk=schedule.pk).update(next_at=now() - timedelta(seconds=1))
    schedules.due(now())
    make(Run.objects.get(schedule=schedule))
    mailing.address_all(now())
    assert Sending.objects.filter(sent_at=None).count() == 1
    return schedule


def test_a_mail_that_waits_is_not_sent_to_whoever_left_meanwhile(waiting: Schedule) -> None:
    Membership.objects.filter(user=waiting.owner).delete()
    assert mailing.send_due(now()) == 0
    assert not Sending.objects.exists()
    assert outbox.outbox == []


def test_a_mail_that_waits_is_not_sent_once_the_schedule_is_off(waiting: Schedule) -> None:
    Schedule.objects.update(enabled=False)
    assert mailing.send_due(now()) == 0
    assert outbox.outbox == []


def test_a_member_who_asked_for_no_more_gets_none_after_a_change(waiting: Schedule) -> None:
    owner = waiting.owner
    assert owner is not None
    schedules.end_for(waiting, owner.email.upper())
    waiting.refresh_from_db()
    waiting.hour = 9
    schedules.save(waiting, by=owner)
    assert schedules.recipients(waiting) == []


def test_a_pdf_that_cannot_be_drawn_now_is_said(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _manager, client, path, _body = asked
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    with files._drawing:
        refused = client.get(f"{path}/file?as=pdf")
    assert refused.status_code == 503
    assert "PDFs" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 1995000000|size }}", "2.00 GB"), ("{{ 19960|size }}", "20.0 kB"), ("{{ 2.99|reading:server }}", "3.0 %"),
        ("{{ 41.7|reading:server }}", "41.7 %"), ("{{ 0.997|share }}", "100 %"),
    ],
)  # fmt: skip
def test_readings_are_rounded_and_not_cut(text: str, said: str) -> None:
    found = Template("{% load times %}" + text).render(Context({"server": {"reach": "up"}}))
    assert found.replace("\xa0", " ") == said


def test_a_pdf_of_names_that_are_markup_or_endless_is_drawn(tmp_path: Path) -> None:
    evil = '<b>x</b><a href="javascript:x">&nbsp;<para><img src="/etc/passwd"/> 😀 \u202e \x01'
    wide = [Column("name", "<i>=A&"), *[Column(str(place), "n") for place in range(12)]]
    rows = [[Cell("x", "x"), *[Cell("y" * 40, "y" * 40)] * 12], *[[Cell("x", "x")] * 13] * 205]
    rows.append([Cell(None, "W" * 5000), *[Cell(evil, evil)] * 12])
    figures = [Figure(evil, Cell(None, evil * 20))] * 5
    chart = Chart(evil, [Bar(evil * 9, [(1.0, "crit")], evil)], 1.0, [("crit", evil)])
    section = Section('s<"k>', f"Title {evil}", evil * 40, figures, chart, Table(wide, rows))
    document = Document("k", evil, evil, "x" * 2000, evil, "en", "http://x", [evil * 50], [section])
    write(document, tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
