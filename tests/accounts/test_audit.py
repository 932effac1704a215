"""Every write leaves its row, over what and from where; nobody edits it, and no secret ever stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import refusals, tasks
from accounts.models import Audit, NeverEdited, Team, User
from accounts.services import audit, make_token, over
from servers.models import Server

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    refusals.recent.__init__()  # type: ignore[misc]
    yield
    cache.clear()


@pytest.fixture
def server(team: Team) -> Server:
    return Server.objects.create(team=team, number=1, name="web-1", fingerprint="f")


def actions() -> list[str]:
    return list(Audit.objects.order_by("pk").values_list("action", flat=True))


def test_only_what_changed_is_kept_and_no_change_leaves_no_row(person: Callable[..., User], team: Team) -> None:
    audit(person(), "team.change", team, before={"name": "a", "size": 1}, after={"name": "b", "size": 1})
    audit(person(), "team.change", team, before={"name": "a"}, after={"name": "a"})
    row = Audit.objects.get()
    assert (row.before, row.after) == ({"name": "a"}, {"name": "b"})


def test_a_secret_handed_over_by_mistake_is_not_kept(person: Callable[..., User], team: Team) -> None:
    clear = make_token(person(), "t", ["all"])
    audit(
        person(),
        "x.y",
        team,
        before={"password": "hunter2"},
        after={"password": "hunter3", "inner": {"secret": "s3cr3t"}},
    )
    audit(person(), "x.y", clear, after={"text": f"see {clear}", "list": [clear]})
    told = json.dumps(list(Audit.objects.values("target", "before", "after")), default=str)
    assert not [word for word in ("hunter2", "hunter3", "s3cr3t", clear.split(".")[1]) if word in told]
    assert Audit.objects.order_by("pk")[0].after["password"] == "changed"


def test_the_trail_says_over_what_and_from_where(
    api: Callable[..., Client], person: Callable[..., User], server: Server
) -> None:
    user = person()
    api(user).patch(f"/api/v1/servers/{server.uuid}", {"role": "db"}, "application/json", REMOTE_ADDR="192.0.2.7")
    row = Audit.objects.get(action="server.change")
    assert (row.over, row.address, row.actor) == ('token "test"', "192.0.2.7", user.email)
    assert (row.before, row.after) == ({"role": ""}, {"role": "db"})
    client = Client()
    client.force_login(user)
    client.patch(f"/api/v1/servers/{server.uuid}", {"role": "web"}, "application/json")
    assert Audit.objects.order_by("-pk")[0].over == "page"
    with over("Slack"):
        audit(user, "x.y", server)
    assert Audit.objects.order_by("-pk")[0].over == "Slack"
    audit(user, "x.y", server)
    assert (Audit.objects.order_by("-pk")[0].over, Audit.objects.order_by("-pk")[0].address) == ("", None)


def test_coming_going_and_wrong_passwords_are_written_down(person: Callable[..., User], client: Client) -> None:
    email = person().email
    client.post("/accounts/login/", {"login": email, "password": "wrong one"})
    client.post("/accounts/login/", {"login": "nobody@example.org", "password": "wrong one"})
    client.post("/accounts/login/", {"login": email, "password": PASSWORD})
    client.post("/accounts/logout/")
    assert actions() == ["sign_in.wrong", "sign_in.wrong", "sign_in", "sign_out"]
    assert list(Audit.objects.values_list("target", flat=True)) == [email, "nobody@example.org", email, email]
    assert Audit.objects.filter(team=None).count() == 1, "an admin of the one team of a person sees them come and go"


def test_refused_writes_are_written_down_once_and_in_bounds(
    person: Callable[..., User], server: Server, other_team: Team
) -> None:
    client, viewer = Client(), person("viewer")
    client.force_login(viewer)
    for _ in range(5):
        client.patch(f"/api/v1/servers/{server.uuid}", {"role": "x"}, "application/json")
    row = Audit.objects.get()
    assert (row.action, row.actor, row.after) == ("request.refuse", viewer.email, {"method": "PATCH", "status": 403})
    assert row.target_id == str(server.uuid)
    client.force_login(person("admin"))
    foreign = [Server.objects.create(team=other_team, number=n, name=f"s{n}", fingerprint=str(n)) for n in range(40)]
    for one in foreign:
        assert client.patch(f"/api/v1/servers/{one.uuid}", {"role": "x"}, "application/json").status_code == 404
    assert Audit.objects.count() == refusals.MOST + 1
    assert client.get(f"/api/v1/servers/{foreign[0].uuid}").status_code == 404
    assert Audit.objects.count() == refusals.MOST + 1


def test_a_file_that_is_taken_is_written_down(person: Callable[..., User], client: Client) -> None:
    client.force_login(person())
    client.get("/record/?format=csv")
    row = Audit.objects.get()
    assert (row.action, row.target, row.after) == ("file.take", "record.csv", {"format": "csv"})


def test_our_code_cannot_edit_the_trail(person: Callable[..., User], team: Team) -> None:
    audit(person(), "x.y", team)
    row = Audit.objects.get()
    for attempt in (row.save, row.delete, Audit.objects.all().delete, lambda: Audit.objects.update(actor="x")):
        with pytest.raises(NeverEdited):
            attempt()


def test_the_database_itself_refuses(person: Callable[..., User], team: Team) -> None:
    """Whoever comes past our code: neither what it says nor that it is there may change."""
    if connection.vendor == "sqlite":
        guards = import_module("accounts.migrations._trail").SQLITE.split("END;")
        connection.cursor().execute(guards[1] + "END;")
    user = person()
    audit(user, "x.y", team)
    for sql in ("UPDATE accounts_audit SET actor = 'x'", "DELETE FROM accounts_audit"):
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(sql)
    user.delete()
    assert Audit.objects.get().user is None
    assert Audit.objects.get().actor


def test_what_is_older_than_it_is_kept_goes(person: Callable[..., User], team: Team, settings: Any) -> None:
    settings.KEEP_AUDIT_DAYS = 30
    user, today = person(), timezone.now()
    for days in (31, 29):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.utils.timezone.now", lambda days=days: today - timedelta(days=days))
            audit(user, f"x.{days}", team)
    tasks.expire()
    assert actions() == ["x.29"]


SECRETS = ("hook-s3cr3t-9f2", "p4ssw0rd-of-smtp-77", "correct horse battery 2", "twilio-t0ken-5b1")


def test_no_secret_is_in_the_trail_after_every_form_that_takes_one(
    api: Callable[..., Client], person: Callable[..., User], team: Team
) -> None:
    owner = person(is_superuser=True, is_staff=True)
    client, token = Client(), api(owner)
    client.force_login(owner)
    clear: list[str] = []
    for kind, config in (
        ("webhook", {"url": f"https://hooks.example.org/{SECRETS[0]}", "secret": SECRETS[0]}),
        ("sms", {"account": "AC1", "token": SECRETS[3], "from": "+4520123456", "to": "+4520123457"}),
        ("slack", {"webhook_url": f"https://hooks.slack.com/services/{SECRETS[0]}"}),
    ):
        made = token.post("/api/v1/channels", {"name": kind, "kind": kind, "config": config}, "application/json")
        if made.status_code == 201:
            path = f"/api/v1/channels/{made.json()['id']}"
            token.patch(path, {"config": {**config, "secret": SECRETS[1]}}, "application/json")
            token.delete(path)
    clear += _handed_out(token.post("/api/v1/enrolments", {"name": "web", "hours": 1}, "application/json"))
    clear += _handed_out(client.post("/api/v1/tokens", {"name": "t", "scopes": ["all"]}, "application/json"))
    wish = {"email": "new@example.org", "role": "viewer"}
    clear += _handed_out(client.post(f"/api/v1/teams/{team.uuid}/invitations", wish, "application/json"))
    fresh = {"oldpassword": PASSWORD, "password1": SECRETS[2], "password2": SECRETS[2]}
    client.post("/accounts/password/change/", fresh)
    client.post("/accounts/login/", {"login": SECRETS[1], "password": SECRETS[1]})
    told = json.dumps(list(Audit.objects.values()), default=str)
    assert Audit.objects.count() >= 5
    assert len(clear) >= 1
    assert not [word for word in (*SECRETS, PASSWORD, *clear) if word in told]


def _handed_out(reply: Any) -> list[str]:
    """The secret parts of what an answer shows once."""
    return re.findall(r"wk[a-z]_[0-9a-f]{16}\.([\w-]{20,})", reply.content.decode())
