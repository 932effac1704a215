"""The first steps, settings and our own health: computed from what is there, for whoever may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import Audit, Team, User
from alerts.models import Channel
from monitor.pages import ourselves
from monitor.pages.welcome import steps_of

pytestmark = pytest.mark.django_db


def left(user: User) -> list[str]:
    return [step.name for step in steps_of(user) if not step.done]


def test_steps_are_done_by_facts_not_by_ticks(team: Team, person: Callable[..., User]) -> None:
    admin = person(is_superuser=True)
    assert left(admin) == ["server", "mail", "told", "colleague"]
    Channel.objects.create(team=team, name="mail", kind="email", sealed_config="x")
    person("viewer")
    assert left(admin) == ["server", "mail"]


def test_who_manages_nothing_has_only_their_own_steps(person: Callable[..., User]) -> None:
    assert [step.name for step in steps_of(person("viewer"))] == ["password", "told"]


def test_a_test_mail_is_sent_written_down_and_counts(
    person: Callable[..., User], client: Client, settings: Any
) -> None:
    from dataclasses import replace

    user = person(is_superuser=True)
    client.force_login(user)
    answer = client.post("/settings/", follow=True)
    assert "No mail server is set" in answer.content.decode()
    settings.ENV = replace(settings.ENV, email_url="smtp://mail.example.org")
    answer = client.post("/settings/", follow=True)
    assert f"Sent to {user.email}" in answer.content.decode()
    assert [one.to for one in mail.outbox] == [[user.email]]
    assert Audit.objects.filter(action="mail.test", after__ok=True).count() == 1
    assert "mail" not in left(user)
    assert "Wait a few seconds" in client.post("/settings/", follow=True).content.decode()


def test_settings_are_for_managers_and_say_who_grants_them(person: Callable[..., User], client: Client) -> None:
    admin = person("admin")
    client.force_login(person("viewer"))
    for path in ("/settings/", "/settings/health/"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert admin.email in answer.content.decode()


def test_health_names_the_worst_part_first_and_hides_the_machine_from_team_admins(
    person: Callable[..., User], client: Client
) -> None:
    parts = ourselves.parts()  # no loop runs in a test: most of it fails, and says so
    assert parts[0].tone == "crit"
    assert all(part.todo for part in parts if part.tone == "crit")
    client.force_login(person("admin"))
    seen = client.get("/settings/health/").content.decode()
    assert "Watchkeeper is in trouble" in seen
    assert "Data folder" not in seen
    client.force_login(person("admin", is_superuser=True))
    assert "Data folder" in client.get("/settings/health/").content.decode()


def test_a_failing_question_does_not_take_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no disk")

    monkeypatch.setattr(ourselves, "_disk", broken)
    assert "It cannot be asked" in next(part.text for part in ourselves.parts() if part.name == "Disk")
