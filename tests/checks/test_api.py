"""Checks over the API and as pages: made, changed, tried, refused, narrowed, and gone with what they carried."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import narrow
from accounts.models import Audit, Membership, Team, User
from alerts.models import Rule
from alerts.services import make_default_rules
from checks import trying
from checks.kinds import Outcome
from checks.models import Check, Run
from core.errors import Failure
from servers.models import Server
from tests.checks.pages import Pages

Make = Callable[..., Check]


def call(client: Client, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
    reply = client.generic(method, f"/api/v1/checks{path}", _json(body), content_type="application/json")
    assert reply.status_code == status, reply.content
    return reply.json() if reply.content else None


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


SHOP = {"name": "Shop", "kind": "http", "target": "https://example.org/", "tags": ["web"], "interval": 30}


def test_it_is_made_changed_paused_and_removed_with_a_trail(api: Callable[..., Client], team: Team) -> None:
    client = api()
    made = call(client, "POST", "", SHOP, 201)
    assert (made["server"], made["tags"], made["label"], made["run"]["state"]) == (None, ["web"], "Shop", "new")
    path = f"/{made['id']}"
    changed = call(client, "PATCH", path, {"name": "Front", "tags": ["web", "shop"], "config": {"text": "hello"}})
    assert (changed["name"], changed["label"], changed["tags"]) == ("Front", "Shop", ["shop", "web"])
    assert call(client, "POST", f"{path}/pause")["paused"] is True
    assert Run.objects.get().due_at is None
    assert call(client, "POST", f"{path}/resume")["paused"] is False
    assert call(client, "PUT", path, call(client, "GET", path))["name"] == "Front"
    assert call(client, "PATCH", path, {"kind": "tcp"}, 400)["fields"]["kind"]
    call(client, "DELETE", path, None, 204)
    assert not Server.objects.filter(stands_for="check").exists()
    verbs = list(Audit.objects.filter(action__startswith="check.").order_by("pk").values_list("action", flat=True))
    assert verbs == ["check.add", "check.tag", "check.change", "check.change", "check.change", "check.remove"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SHOP, "interval": 5}, "interval"),
        ({**SHOP, "timeout": 600}, "timeout"),
        ({**SHOP, "config": {"colour": "red"}}, "config"),
        ({**SHOP, "target": "http://127.0.0.1/"}, "target"),
        ({**SHOP, "kind": "telnet"}, "kind"),
        ({**SHOP, "by_agent": True}, "by_agent"),
        ({**SHOP, "server": "5d3a4c1e-0000-4000-8000-000000000000"}, "server"),
        ({**SHOP, "colour": "red"}, "colour"),
        ({"name": "job", "kind": "heartbeat", "config": {"cron": "every day"}}, "config"),
        ({"name": "job", "kind": "heartbeat", "config": {}}, "config"),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    api: Callable[..., Client], team: Team, body: dict[str, Any], field: str
) -> None:
    refused = call(api(), "POST", "", body, 400)
    assert field in refused["fields"]
    assert not Check.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("interval", -1, "This must be 10 or more."),
        ("interval", 100_000, "This must be 86400 or less."),
        ("timeout", -1, "This must be 1 or more."),
        ("retries", 21, "This must be 20 or less."),
        ("window", 3601, "This must be 3600 or less."),
    ],
)
def test_a_number_that_is_too_small_or_large_is_told_the_bound_it_broke(
    api: Callable[..., Client], team: Team, field: str, value: int, said: str
) -> None:
    assert call(api(), "POST", "", {**SHOP, field: value}, 400)["fields"][field] == [said]


def test_a_wrong_choice_is_refused_with_the_right_ones(api: Callable[..., Client], team: Team) -> None:
    body = {"name": "job", "kind": "dns", "target": "example.org", "config": {"record": "ZZ"}}
    said = str(call(api(), "POST", "", body, 400)["fields"]["config"])
    assert "record: Invalid enum value" in said
    assert "Known values: A, AAAA, CNAME" in said
    assert "$" not in said


def test_it_can_be_tried_before_it_is_kept(api: Callable[..., Client], team: Team, pages: Pages) -> None:
    client = api()
    wanted = {"name": "x", "kind": "http", "target": pages.url("/json")}
    good = call(client, "POST", "/try", {**wanted, "config": {"json": "status.parts[0].name", "value": "db"}})
    assert good["ok"] is True
    bad = call(client, "POST", "/try", {**wanted, "config": {"json": "status.parts[0].name", "value": "web"}})
    assert bad["said"] == "status.parts[0].name is db, not web."
    job = {"name": "x", "kind": "heartbeat", "config": {"period": 60}}
    assert call(client, "POST", "/try", job, 400)["error"] == "not_looked_at"
    assert not Check.objects.exists()


def test_a_narrowed_role_meets_the_checks_of_its_servers_and_tags(
    person: Callable[..., User], api: Callable[..., Client], team: Team, check: Make
) -> None:
    db = Server.objects.create(team=team, name="db-1", number=1, tags=["db"])
    check("tcp", server=db, name="port", target="example.org:1")
    call(api(), "POST", "", SHOP, 201)
    narrowed = person("admin")
    Membership.objects.filter(user=narrowed).update(selector="tag:db")
    client = api(narrowed)
    assert [one["name"] for one in call(client, "GET")["results"]] == ["port"]
    shop = Check.objects.get(name="Shop")
    call(client, "GET", f"/{shop.uuid}", None, 404)
    call(client, "DELETE", f"/{shop.uuid}", None, 404)
    call(client, "POST", "", {**SHOP, "name": "mine"}, 400)
    made = call(client, "POST", "", {**SHOP, "name": "mine", "server": str(db.uuid), "tags": []}, 201)
    assert made["server"] == str(db.uuid)
    Membership.objects.filter(user=narrowed).update(selector="tag:web")
    narrow.forget()
    assert [one["name"] for one in call(api(narrowed), "GET")["results"]] == ["Shop"]


def test_only_those_who_may_change_it_see_where_a_heartbeat_is_told(
    person: Callable[..., User], api: Callable[..., Client], team: Team, check: Make
) -> None:
    check("heartbeat", name="backup")
    assert "/ping/" in call(api(), "GET")["results"][0]["ping_url"]
    assert call(api(person("viewer")), "GET")["results"][0]["ping_url"] is None


def test_a_new_team_has_rules_for_checks(team: Team) -> None:
    make_default_rules(team)
    rules = {rule.name: rule for rule in Rule.objects.filter(team=team, metric__startswith="check_")}
    assert set(rules) == {"Check down", "Check fails often", "Certificate ends soon", "Heartbeat missed"}
    assert rules["Check down"].labels == {"kind": "!heartbeat"}


def test_the_pages_make_try_show_and_remove_a_check(
    person: Callable[..., User], team: Team, pages: Pages, client: Client
) -> None:
    client.force_login(person())
    form = {
        "name": "Shop", "target": pages.url("/"), "place": f"team {team.uuid}", "tags": "web", "method": "GET",
        "status": "200-299", "redirects": "5", "verify": "on", "headers": "X-Token: s3cret", "interval": "60",
        "timeout": "10", "retries": "1", "window": "600",
    }  # fmt: skip
    unknown = client.get("/checks/new/?kind=zzz", follow=True)
    assert unknown.redirect_chain == [("/checks/new/?kind=http", 302)]
    assert "There is no such kind of check. Choose one of these." in unknown.content.decode()
    tried = client.post("/checks/new/?kind=http", {**form, "do": "try"})
    assert "It answers 200." in tried.content.decode()
    refused = client.post("/checks/new/?kind=http", {**form, "target": "http://10.0.0.1/", "do": "save"})
    assert "not a public address" in refused.content.decode()
    assert client.post("/checks/new/?kind=http", {**form, "do": "save"}).status_code == 302
    row = Check.objects.get()
    shown = client.get(f"/checks/{row.uuid}/").content.decode()
    assert "Nothing is known" in shown
    edited = client.get(f"/checks/{row.uuid}/edit/").content.decode()
    assert "X-Token: (kept)" in edited
    assert "s3cret" not in edited + shown
    assert "Shop" in client.get("/checks/?q=sho").content.decode()
    assert client.get(f"/servers/{row.server.uuid}/").headers["Location"] == f"/checks/{row.uuid}/"
    client.post(f"/checks/{row.uuid}/act/", {"do": "pause"})
    assert Check.objects.get().paused
    client.post(f"/checks/{row.uuid}/act/", {"do": "remove"})
    assert not Check.objects.exists()


def test_the_page_of_a_heartbeat_has_lines_to_copy(person: Callable[..., User], check: Make, client: Client) -> None:
    made = check("heartbeat", name="backup", config={"cron": "30 3 * * 1-5", "zone": "Europe/Copenhagen"})
    client.force_login(person())
    text = client.get(f"/checks/{made.uuid}/").content.decode()
    assert f"/ping/{made.ping_key}" in text
    assert "30 3 * * 1-5 /usr/local/bin/job" in text
    viewer = Client()
    viewer.force_login(person("viewer"))
    assert str(made.ping_key) not in viewer.get(f"/checks/{made.uuid}/").content.decode()


def test_what_is_wrong_with_a_heartbeat_stands_at_its_field(person: Callable[..., User], client: Client) -> None:
    client.force_login(person("admin"))
    place = f"team {Team.objects.get().uuid}"
    good = {"name": "job", "place": place, "period": 3600, "cron": "", "zone": "UTC", "grace": 60, "longest": 0}
    for name, value in (("cron", "every day"), ("cron", "0 0 30 2 *"), ("zone", "Mars/Olympus"), ("grace", 1)):
        shown = client.post("/checks/new/?kind=heartbeat", {**good, name: value, "do": "save"})
        assert list(shown.context["form"].errors) == [name], (name, value, shown.context["form"].errors)


def test_trying_has_a_limit_of_its_own_and_ends_within_its_time(
    api: Callable[..., Client], team: Team, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "tries", trying.Tries())
    monkeypatch.setattr(trying, "PERSON", (2, 3))
    client = api()
    wanted = {"name": "x", "kind": "tcp", "target": f"127.0.0.1:{pages.port}", "timeout": 60}
    for _ in range(3):
        assert call(client, "POST", "/try", wanted)["ok"]
    refused = call(client, "POST", "/try", wanted, 429)
    assert refused["detail"] == "Those were many tries. Wait a minute, then try again."
    asked: list[float] = []

    def run(_self: Any, task: Any) -> Outcome:
        asked.append(task.timeout)
        return Outcome(True, "It works.")

    monkeypatch.setattr(trying, "tries", trying.Tries())
    monkeypatch.setattr("checks.kinds.tcp.Tcp.run", run)
    call(client, "POST", "/try", wanted)
    assert asked == [trying.LONGEST]
    first, second = trying.tries.one(1, team.pk), trying.tries.one(1, team.pk)
    with first, second, pytest.raises(Failure, match="under way"), trying.tries.one(1, team.pk):
        raise AssertionError("never begun")


def test_what_was_found_is_told_in_the_readers_language(
    api: Callable[..., Client], person: Callable[..., User], team: Team
) -> None:
    program, client = api(), Client()
    client.force_login(person("admin"))
    made = call(program, "POST", "", SHOP, 201)
    Run.objects.update(state="down", said="It answers 503, not 200-299.")
    danish: dict[str, Any] = {"headers": {"Accept-Language": "da"}}
    told = client.get(f"/api/v1/checks/{made['id']}", **danish).json()["run"]["said"]
    assert told == "Den svarer 503, ikke 200-299."
    refused = client.post(
        "/api/v1/checks", {**SHOP, "name": "x", "target": "db"}, content_type="application/json", **danish
    ).json()
    assert refused["fields"]["target"] == ["Adressen skal begynde med http:// eller https:// og nævne en vært."]
    assert call(program, "GET", f"/{made['id']}")["run"]["said"] == "It answers 503, not 200-299."
