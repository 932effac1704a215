"""Whoever is narrowed to some servers, by a role or by a token, meets those alone, at every door."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.base import narrow
from accounts.models import Membership, User
from accounts.services import WrongToken, make_token
from alerts.models import Delivery, Notice, Silence, Step
from alerts.services import answering_links, audience, people, stepping
from core.clock import now
from core.live import push, watch
from core.selector import Unreadable, parse
from dashboards import feed, topics
from servers.models import Server
from tests.access.world import World, person, signed_in

SERIES = "/api/v1/series?metric=cpu_used_percent&server="


def by_role(world: World) -> Client:
    return signed_in(world.people["narrowed"])


def by_token(world: World) -> Client:
    return world.token("admin", selector="tag:db")


def by_owners_token(world: World) -> Client:
    return world.token("owner", selector="tag:db and name:*ours")


def by_token_of_a_narrowed(world: World) -> Client:
    return world.token("narrowed", selector="name:*")


EACH = pytest.mark.parametrize("client", [by_role, by_token, by_owners_token, by_token_of_a_narrowed])
Make = Callable[[World], Client]


def names(reply: Any) -> list[str]:
    return [one["name"] for one in reply.json()["results"]]


@EACH
def test_lists_hold_the_servers_of_the_selector_alone(world: World, client: Make) -> None:
    asking, ours = client(world), world.ours
    assert names(asking.get("/api/v1/servers")) == ["db-ours"]
    latest = asking.get("/api/v1/fleet/latest?metrics=load1").json()
    assert latest["servers"] == [str(ours.db.uuid)]
    spread = asking.get("/api/v1/fleet/range?metric=load1").json()
    assert spread["servers"] == [str(ours.db.uuid)]
    assert [one["id"] for one in asking.get("/api/v1/incidents").json()["results"]] == [str(ours.inside.uuid)]
    assert [one["text"] for one in asking.get("/api/v1/notices").json()["results"]] == ["db-ours is hot"]
    assert [one["text"] for one in asking.get("/api/v1/deliveries").json()["results"]] == ["db-ours is hot"]
    table = asking.get("/api/v1/notices?format=csv").content.decode()
    assert "db-ours" in table
    assert "web-ours" not in table


@EACH
def test_what_is_out_of_reach_answers_like_what_is_not_there(world: World, client: Make) -> None:
    asking, ours = client(world), world.ours
    nobody = "5d3a4c1e-0000-4000-8000-000000000000"
    pairs = {
        "/api/v1/servers/{}": (ours.db, ours.web),
        "/api/v1/servers/{}/events": (ours.db, ours.web),
        "/api/v1/servers/{}/changes": (ours.db, ours.web),
        "/api/v1/servers/{}/keys": (ours.db, ours.web),
        SERIES + "{}": (ours.db, ours.web),
        "/api/v1/incidents/{}": (ours.inside, ours.outside),
        "/api/v1/incidents/{}/timeline": (ours.inside, ours.outside),
        "/api/v1/notices/{}": (ours.of(ours.db, "notice"), ours.of(ours.web, "notice")),
        "/api/v1/deliveries/{}": (ours.of(ours.db, "delivery"), ours.of(ours.web, "delivery")),
    }
    for path, (inside, outside) in pairs.items():
        found, hidden, absent = (asking.get(path.format(uuid)) for uuid in (inside.uuid, outside.uuid, nobody))
        assert found.status_code == 200, path
        assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content) == (404, absent.content)
    for verb in ("acknowledge", "resolve", "note"):
        assert asking.post(f"/api/v1/incidents/{ours.outside.uuid}/{verb}").status_code == 404


@EACH
def test_a_narrowed_admin_manages_those_servers_and_nothing_of_the_team(world: World, client: Make) -> None:
    asking, ours = client(world), world.ours

    def send(method: str, path: str, body: Any = None) -> int:
        call = getattr(asking, method)
        return int(call(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json").status_code)

    assert send("patch", f"servers/{ours.db.uuid}", {"role": "primary"}) == 200
    assert send("patch", f"servers/{ours.web.uuid}", {"role": "primary"}) == 404
    assert send("patch", f"servers/{ours.db.uuid}", {"name": ours.web.name}) == 400, "a name is of the whole team"
    assert send("post", "servers/bulk", {"ids": [str(ours.web.uuid)], "paused": True}) == 404
    assert send("post", "servers/bulk", {"selector": "name:*", "paused": True}) == 200
    assert list(Server.objects.filter(paused=True)) == [ours.db]
    assert send("post", "rules", {"name": "x", "metric": "m", "critical": 1}) == 403
    assert send("patch", f"rules/{ours.rule.uuid}", {"enabled": False}) == 403
    assert send("delete", f"channels/{ours.channel.uuid}") == 403
    assert send("post", "channels", {"name": "x", "kind": "webhook"}) == 403
    assert send("delete", f"chains/{ours.chain.uuid}") == 403
    assert send("post", "enrolments", {"name": "x"}) == 403
    assert send("post", f"schedules/{ours.schedule.uuid}/overrides") == 403
    assert send("post", f"silences/{ours.silence.uuid}/end") == 403, "it mutes more than they may"
    assert asking.get("/api/v1/rules").json()["count"] >= 1, "they may look"


def test_pages_show_the_part_that_may_be_seen(world: World) -> None:
    browser, ours = by_role(world), world.ours
    for path in ("/", "/alerts/", "/record/", "/record/?format=csv", "/silences/", "/rules/", "/list/?q=ours"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "web-ours" not in page.content.decode(), path
    assert "db-ours" in browser.get("/").content.decode()
    for path in (f"servers/{ours.web.uuid}/", f"incidents/{ours.outside.uuid}/", f"i/{ours.outside.pk}"):
        assert browser.get(f"/{path}").status_code == 404
    assert browser.get(f"/servers/{ours.db.uuid}/").status_code == 200
    assert browser.get(f"/servers/{ours.db.uuid}/edit/").status_code == 200
    found = browser.get("/api/v1/search?q=ours").content.decode()
    assert "web-ours" not in found


def test_an_incident_of_several_servers_is_told_by_its_visible_part(world: World) -> None:
    mixed, browser = world.ours.mixed(), by_role(world)
    Notice.objects.create(incident=mixed, kind="note", at=now(), text="web-ours and db-ours are both hot")
    for path in (
        f"/incidents/{mixed.uuid}/", f"/incidents/{mixed.uuid}/members/", f"/api/v1/incidents/{mixed.uuid}",
        f"/api/v1/incidents/{mixed.uuid}/timeline", "/api/v1/incidents", "/alerts/", "/",
        "/record/?format=csv", "/api/v1/notices", f"/servers/{world.ours.db.uuid}/",
    ):  # fmt: skip
        page = browser.get(path).content.decode()
        assert "web-ours" not in page, path
    shown = browser.get(f"/api/v1/incidents/{mixed.uuid}").json()
    assert shown["title"] == "Hot ours on db-ours"
    taken = browser.post(f"/api/v1/incidents/{mixed.uuid}/acknowledge", {}, content_type="application/json")
    assert (taken.status_code, taken.json()["title"]) == (200, "Hot ours on db-ours")
    mixed.refresh_from_db()
    assert mixed.title == "CPU of web-ours is 99 %", "it is stored as it was"
    assert "web-ours" in signed_in(world.people["viewer"]).get(f"/incidents/{mixed.uuid}/").content.decode()


TEXTS = ["", "name:*", "env:*", "tag:web or tag:db", "not tag:nothing"]


@EACH
def test_a_silence_mutes_no_more_than_its_maker_may_see(world: World, client: Make) -> None:
    asking = client(world)
    for text in TEXTS:
        body = {"selector": text, "reason": "Work", "ends_at": now().timestamp() + 3600, "team": "ours"}
        seen = asking.post("/api/v1/silences/preview", body, content_type="application/json")
        assert (seen.status_code, seen.json().get("names")) == (200, ["db-ours"]), seen.content
        made = asking.post("/api/v1/silences", body, content_type="application/json")
        silence = Silence.objects.get(uuid=made.json()["id"])
        meant = parse(silence.selector)
        assert [one.name for one in (world.ours.db, world.ours.web) if meant.matches(one.words())] == ["db-ours"]
        again = asking.patch(f"/api/v1/silences/{silence.uuid}", {"reason": "More"}, content_type="application/json")
        assert (again.status_code, again.json()["selector"]) == (200, silence.selector)


def test_a_text_cannot_break_out_of_its_parentheses() -> None:
    for text in ("name:a) or (name:b", "tag:x or name:y) and (tag:db", ") or (env:*"):
        with pytest.raises(Unreadable):
            parse(text)
    bound = "(tag:db) and env:production"
    for text in ("tag:x or name:*", "(tag:x) or (name:*)", "(tag:x) or (tag:y) and ((tag:db) and env:production)"):
        meant = parse(narrow.limited(text, "tag:db"))
        assert not meant.matches({"name": ["web"], "tag": ["x"], "env": ["production"]})
        assert not meant.matches({"name": ["db"], "tag": ["x", "db"], "env": ["staging"]})
    once = narrow.limited("tag:x", bound)
    assert narrow.limited(once, bound) == once


def test_several_roles_each_reach_their_own(world: World) -> None:
    user = world.people["narrowed"]
    Membership.objects.create(team=world.theirs.team, user=user, role="viewer", selector="tag:web")
    client = signed_in(user)
    assert sorted(names(client.get("/api/v1/servers"))) == ["db-ours", "web-theirs"]
    Membership.objects.filter(user=user, team=world.theirs.team).update(selector="")
    narrow.forget()
    assert sorted(names(client.get("/api/v1/servers"))) == ["db-ours", "db-theirs", "web-theirs"]
    body = {"role": "x"}
    refused = client.patch(f"/api/v1/servers/{world.theirs.db.uuid}", body, content_type="application/json")
    assert refused.status_code == 403, "an admin's verbs reach as far as that role"


def test_what_is_taken_away_is_gone_at_once_and_what_is_given_comes_soon(world: World) -> None:
    user = world.people["narrowed"]
    client, role = signed_in(user), Membership.objects.filter(user=user)
    assert names(client.get("/api/v1/servers")) == ["db-ours"]
    role.update(selector="tag:web")  # by another process: nobody told this one
    assert names(client.get("/api/v1/servers")) == []
    narrow.forget()
    assert names(client.get("/api/v1/servers")) == ["web-ours"]
    role.update(selector="tag:")
    narrow.forget()
    assert names(client.get("/api/v1/servers")) == [], "what cannot be read reaches nothing"


def test_a_narrowed_person_is_not_told_that_a_rule_never_fired_elsewhere(world: World) -> None:
    page = by_role(world).get("/rules/").content.decode()
    assert page.count("never fired") == page.count("never fired for your servers") > 0
    whole = signed_in(world.people["admin"]).get("/rules/").content.decode()
    assert "for your servers" not in whole


def test_a_narrowed_site_owner_is_none(world: World) -> None:
    client = world.token("owner", selector="tag:db")
    assert sorted(names(client.get("/api/v1/servers"))) == ["db-ours", "db-theirs"]
    body = {"name": "x", "metric": "m", "critical": 1, "team": "ours"}
    assert client.post("/api/v1/rules", body, content_type="application/json").status_code == 403


def test_a_whole_team_is_called_without_those_who_may_not_see_it(world: World) -> None:
    ours, user = world.ours, world.people["narrowed"]
    assert user in people.callable_for(ours.inside)
    assert user not in people.callable_for(ours.outside)
    Membership.objects.filter(team=ours.team).exclude(user=user).delete()
    assert people.callable_for(ours.outside) == [world.people["owner"]], "nobody else is left: told beats silent"


def test_a_narrowed_person_in_a_chain_is_skipped_where_they_may_not_see_it(world: World) -> None:
    ours, user = world.ours, world.people["narrowed"]
    for incident, told in ((ours.inside, True), (ours.outside, False)):
        step = Step(
            incident=incident, chain="x", place=0, kind="person", args={"person": str(user.uuid)}, due_at=now()
        )
        result = stepping.do(step, incident, now())
        assert result.startswith(f"Told {user}" if told else f"{user} was skipped, as they see other servers alone: ")
        mine = Delivery.objects.filter(notice__kind="escalated", notice__incident=incident, person=user)
        assert mine.exists() == told
    named = [{"person": str(user.uuid)}]
    aims = [audience.Book(now()).aims(one, named, "warn") for one in (ours.inside, ours.outside)]
    [other] = ours.outside.alerts.values_list("server", flat=True)
    aims.append(audience.Book(now()).aims(ours.inside, named, "warn", other))  # a group of several servers
    assert [user.pk in {to.person for to in one.places} for one in aims] == [True, False, False]
    assert any(f"{user} sees tag:" in said for said in people.lookers(ours.team, [str(user.uuid)]))


def test_links_in_messages_answer_for_what_may_be_seen(world: World) -> None:
    user, ours = world.people["narrowed"], world.ours
    assert answering_links.token(ours.outside, user) == ""
    token = answering_links.token(ours.inside, user)
    assert answering_links.read(token) is not None
    Membership.objects.filter(user=user).update(selector="tag:web")
    narrow.forget()
    assert answering_links.read(token) is None


def messages(user: User, name: str, *data: dict[str, Any]) -> list[Any]:
    topic = topics.find(name, user)
    assert topic is not None
    for inner in topic.inner:
        watch(inner, 10)
        for one in data:
            push(inner, one)
    return [message["data"] for message in topic.recent()[1]]


def test_live_messages_are_sieved_and_none_is_missing(world: World) -> None:
    ours = world.ours
    rows = [[str(one.uuid)[-12:], 0] for one in (ours.db, ours.web)]
    shown = [{"id": str(one.uuid), "name": one.name} for one in (ours.db, ours.web)]
    data = {"base": 1, "rows": rows, "servers": shown, "removed": [str(ours.web.uuid)]}
    said = messages(world.people["narrowed"], "fleet", data, {"servers": shown[1:]})
    assert said == [{"base": 1, "rows": rows[:1], "servers": shown[:1], "removed": []}, {"servers": []}]
    assert messages(world.people["viewer"], "fleet", data)[-1] == data

    told = [{"incident": {"id": str(one.uuid), "title": one.title}} for one in (ours.inside, ours.outside)]
    said = messages(world.people["narrowed"], "incidents", *told)
    assert (said[-2]["incident"]["title"].replace("\u00a0", " "), said[-1]) == (ours.inside.title, {"nothing": True})
    assert topics.find(f"server.{ours.web.uuid}", world.people["narrowed"]) is None
    assert topics.find(f"server.{ours.db.uuid}", world.people["narrowed"]) is not None
    assert feed.fleet_topic(world.theirs.team.pk) not in topics.find("fleet", world.people["narrowed"]).inner  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["tag:", "nonsense", "tag:a or", "(tag:a", "key:x", "tag:a " * 200])
def test_a_selector_that_cannot_be_read_is_refused_where_it_is_saved(world: World, text: str) -> None:
    with pytest.raises(Unreadable, match=r"[A-Z“'].*\."):
        make_token(world.people["admin"], "t", ["all"], selector=text)


def test_a_token_that_is_over_before_it_begins_is_refused(world: World) -> None:
    with pytest.raises(WrongToken, match="over"):
        make_token(world.people["admin"], "t", ["all"], expires=now())


def test_people_without_a_selector_pay_nothing(world: World, django_assert_num_queries: Any) -> None:
    viewer = world.people["viewer"]
    list(Server.objects.visible_to(viewer))  # the roles that are narrowed are known for a moment
    for user in (viewer, world.people["owner"], person("second", world.ours.team, "viewer")):
        with django_assert_num_queries(1):
            list(Server.objects.visible_to(user))
