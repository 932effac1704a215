"""What a narrowed person may not see is not told by the way either: by counts, found titles, notes and previews."""

from __future__ import annotations

from typing import Any

from accounts.base import narrow
from accounts.models import Membership
from alerts import messages
from alerts.delivery import storm
from alerts.models import Alert, Delivery, Incident, Notice, Silence, Step
from alerts.services import stepping
from alerts.services.audience import Heard
from alerts.services.rules import change_rule
from core.clock import now
from metrics.models import Series
from tests.access.world import World, channel, signed_in

HOUR_ON = 3600
JSON = {"Accept": "application/json"}


def test_a_title_is_not_found_by_what_it_hides(world: World) -> None:
    world.ours.mixed()
    narrowed, whole = signed_in(world.people["narrowed"]), signed_in(world.people["viewer"])

    def incidents(who: Any, words: str) -> list[str]:
        found = who.get(f"/api/v1/search?q={words}").json()["found"]
        return [one["name"] for one in found if one["kind"] == "incident"]

    assert "CPU of web-ours is 99 %" in incidents(whole, "web-ours")
    assert incidents(narrowed, "web-ours") == []
    assert incidents(narrowed, "99") == ["CPU of db-ours is 99 %"]
    assert incidents(narrowed, "Hot+db-ours") == ["Hot ours on db-ours"], "it is found by what it is called for them"
    assert "Hot ours on db-ours" not in narrowed.get("/list/?q=web-ours").content.decode()
    assert "Hot ours on db-ours" in narrowed.get("/list/?q=hot").content.decode()


def test_what_was_told_together_counts_what_may_be_seen(world: World) -> None:
    mixed = world.ours.mixed()
    for label in ("a", "b"):
        other = Series.objects.create(metric="load1", labels=label)
        Alert.objects.create(
            rule=world.ours.rule, server=world.ours.web, series=other, incident=mixed, state="firing",
            severity="critical", value=99, limit=95, since=0, judged=0,
        )  # fmt: skip
    seen = {}
    for who in ("viewer", "narrowed"):
        lines = signed_in(world.people[who]).get("/api/v1/fleet/today").json()["handled"]
        seen[who] = [(one["title"], one["n"]) for one in lines if one["kind"] == "grouped"]
    assert seen == {"viewer": [(mixed.title, 4)], "narrowed": []}


def test_a_note_of_a_trouble_like_it_is_told_to_whoever_may_see_it_all(world: World) -> None:
    mixed = world.ours.mixed()
    Incident.objects.filter(pk=mixed.pk).update(resolved_at=now())
    Notice.objects.create(incident=mixed, kind="note", at=now(), text="web-ours has a bad fan")
    page = f"/incidents/{world.ours.inside.uuid}/"
    assert "bad fan" in signed_in(world.people["viewer"]).get(page).content.decode()
    assert "bad fan" not in signed_in(world.people["narrowed"]).get(page).content.decode()


def test_the_preview_of_a_silence_calls_incidents_by_what_may_be_seen(world: World) -> None:
    world.ours.mixed()
    body = {"selector": "", "reason": "Work", "ends_at": now().timestamp() + HOUR_ON, "team": "ours"}
    found = signed_in(world.people["narrowed"]).post(
        "/api/v1/silences/preview", body, content_type="application/json"
    )
    assert [one["title"] for one in found.json()["incidents"]] == ["Hot ours on db-ours"]


def test_what_explains_a_trouble_is_named_to_whoever_may_see_it(world: World) -> None:
    hidden = Incident.objects.create(
        team=world.ours.team, key="hidden", title="web-ours is down", severity="critical", opened_at=now()
    )
    Incident.objects.filter(pk=world.ours.inside.pk).update(parent=hidden)
    address = f"/api/v1/incidents/{world.ours.inside.uuid}"
    for who, named in (("viewer", str(hidden.uuid)), ("narrowed", None)):
        client = signed_in(world.people[who])
        assert client.get(address).json()["explained_by"] == named
        listed = {one["id"]: one["explained_by"] for one in client.get("/api/v1/incidents").json()["results"]}
        assert listed[str(world.ours.inside.uuid)] == named


def test_who_was_told_of_what_is_hidden_is_not_named(world: World) -> None:
    mixed = world.ours.mixed()
    hidden = mixed.alerts.filter(server=world.ours.web).first()
    boss = world.people["manager"]
    Notice.objects.create(incident=mixed, alert=hidden, kind="acknowledged", at=now(), by=boss, transition=9)
    page = f"/incidents/{mixed.uuid}/"
    named = {
        who: [one["name"] for one in signed_in(world.people[who]).get(page, headers=JSON).json()["people"]]
        for who in ("viewer", "narrowed")
    }
    assert named == {"viewer": [str(boss)], "narrowed": []}


def test_a_call_of_a_trouble_of_several_tells_a_narrowed_person_of_theirs_alone(world: World) -> None:
    ours, user = world.ours, world.people["narrowed"]
    mixed = ours.mixed()
    hidden, seen = mixed.alerts.get(server=ours.web), mixed.alerts.get(server=ours.db)
    Alert.objects.filter(pk=seen.pk).update(value=97)
    step = Step(incident=mixed, chain="x", place=0, kind="person", args={"person": str(user.uuid)}, due_at=now())
    result = stepping.do(step, mixed, now())
    assert f"Of what they may not see: told the channel {ours.channel} instead." in result
    mine = Delivery.objects.select_related("channel").get(notice__kind="escalated", person=user)
    for kind in ("email", "webhook"):
        mine.channel.kind = kind
        told = messages.compose(mine)
        assert "web-ours" not in repr(told)
        assert (told.server["name"], told.value) == ("db-ours", 97)
    team = Delivery.objects.get(notice__kind="escalated", channel=ours.channel)
    assert "web-ours" in repr(messages.compose(team))
    heard = Heard([mixed.pk])
    assert [user.pk in heard.of(mixed.pk, one.pk).values() for one in (hidden, seen)] == [False, True]


def test_a_digest_tells_a_narrowed_person_of_theirs_alone(world: World) -> None:
    user, mixed = world.people["narrowed"], world.ours.mixed()
    own = channel("phone", owner=user, storm_cap=1)
    notice = Notice.objects.create(
        incident=mixed, kind="escalated", at=now(), text=mixed.title, facts={"severity": "critical"}
    )
    assert "web-ours" in notice.text
    Delivery.objects.create(notice=notice, channel=own, due_at=now(), person=user)
    storm.fold(own, now())
    digest = Delivery.objects.get(notice__kind="digest")
    assert storm.close(digest)
    told = messages.compose(digest)
    assert "db-ours" in " ".join(told.new)
    assert "web-ours" not in repr(told)


def test_rules_and_silences_name_no_server_that_may_not_be_seen(world: World) -> None:
    ours, selector = world.ours, 'name:web-ours or name:"db-*" or not id:1 or name:db-ours and tag:web'
    change_rule(ours.rule, {"selector": selector}, by=world.people["admin"])
    Silence.objects.filter(pk=ours.silence.pk).update(selector=selector)
    narrowed, whole = signed_in(world.people["narrowed"]), signed_in(world.people["viewer"])
    for address in (f"/api/v1/rules/{ours.rule.uuid}", f"/api/v1/silences/{ours.silence.uuid}"):
        assert whole.get(address).json()["selector"] == selector
        said = narrowed.get(address).json()["selector"]
        assert said == "name:… or name:… or not id:… or name:db-ours and tag:web"
    for address in ("/rules/", f"/rules/{ours.rule.uuid}/edit/", "/silences/", "/api/v1/rules/file"):
        assert "web-ours" in whole.get(address).content.decode(), address
        assert "web-ours" not in narrowed.get(address).content.decode(), address


def test_whoever_is_narrowed_in_another_team_changes_what_stands_in_their_own(world: World) -> None:
    """A selector that names no server of today must not come back with its name left out."""
    ours, user, selector = world.ours, world.people["admin"], "name:web-to-come or tag:web"
    Membership.objects.create(team=world.theirs.team, user=user, role="viewer", selector="tag:db")
    for row in (ours.rule, ours.silence, world.theirs.rule):
        type(row).objects.filter(pk=row.pk).update(selector=selector)
    narrow.forget()
    client = signed_in(user)
    for address in (f"/api/v1/rules/{ours.rule.uuid}", f"/api/v1/silences/{ours.silence.uuid}"):
        assert client.get(address).json()["selector"] == selector
    assert client.get(f"/api/v1/rules/{world.theirs.rule.uuid}").json()["selector"] == "name:… or tag:web"
    changed = client.patch(
        f"/api/v1/silences/{ours.silence.uuid}", {"reason": "Longer"}, content_type="application/json"
    )
    assert changed.status_code == 200, changed.content
    ours.silence.refresh_from_db()
    assert (ours.silence.reason, ours.silence.selector) == ("Longer", selector)


def test_what_was_read_with_names_left_out_is_not_kept_so(world: World) -> None:
    """Such as a file of rules that a narrowed token wrote and somebody else takes back."""
    ours, client = world.ours, signed_in(world.people["admin"])
    change_rule(ours.rule, {"selector": "name:web-ours"}, by=None)
    file = signed_in(world.people["narrowed"]).get("/api/v1/rules/file").content.decode()
    assert "name:…" in file
    said, whole = "Names of servers that your role does not reach", client.get("/api/v1/rules/file?team=ours")
    assert (file.count(said), whole.content.decode().count(said)) == (1, 0)
    taken = client.post("/api/v1/rules/file?team=ours", file, content_type="application/yaml")
    assert (taken.status_code, "stands for servers" in taken.content.decode()) == (400, True)
    for address in (f"/api/v1/rules/{ours.rule.uuid}", f"/api/v1/silences/{ours.silence.uuid}"):
        refused = client.patch(address, {"selector": "name:…"}, content_type="application/json")
        assert (refused.status_code, "stands for servers" in refused.content.decode()) == (400, True)
    ours.rule.refresh_from_db()
    assert ours.rule.selector == "name:web-ours"
