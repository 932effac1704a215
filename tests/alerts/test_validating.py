"""What a rule must be: the same sentence by every door, and nothing that is set in secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Audit, Team, User
from alerts import validating
from alerts.models import Chain, Channel, Rule
from tests.conftest import Machine

API = "/api/v1/rules"
HOT: dict[str, Any] = {"name": "CPU hot", "metric": "cpu_used_percent", "warn": 85, "critical": 95}


def rule(**fields: Any) -> Rule:
    usual = {"name": "hot", "metric": "cpu_used_percent", "critical": 95}
    made = Rule(team=Team(pk=1), **(usual | fields))
    validating.complete(made)
    return made


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"critical": None}, "critical", "Give a limit"),
        (
            {"warn": 85, "warn_recover": 90},
            "warn_recover",
            "Where a warning is over is 90, which must be below the warning limit, 85, or equal to it.",
        ),
        ({"warn": 97, "critical": 95}, "warn", "The warning limit is 97, which must be below the critical limit, 95"),
        (
            {"op": "below", "critical_recover": 90},
            "critical_recover",
            "Where critical is over is 90, which must be above",
        ),
        ({"warn_recover": 80}, "warn_recover", "warn_recover needs warn"),
        ({"critical": float("nan")}, "critical", "finite"),
        ({"metric": ""}, "metric", "which metric"),
        ({"metric": 'disk_used_percent{mount="/"}'}, "metric", "bare name"),
        ({"metric": "cpu used"}, "metric", "letters, digits"),
        ({"kind": "magic"}, "kind", "kinds are anomaly"),
        ({"op": "beside"}, "op", "above or below"),
        ({"labels": {"mount": 1}}, "labels", "each label a text"),
        ({"labels": {"a-b": "x"}}, "labels", "no name of a label"),
        ({"selector": "tag:db and"}, "selector", "key:value is missing"),
        ({"for_seconds": 10**7}, "for", "from 0 to 604800"),
        ({"group_by": ["moon"]}, "group_by", "tag:<word>"),
        ({"group_by": ["rule", "rule"]}, "group_by", "each once"),
        ({"repeat_intervals": [5]}, "repeat_intervals", "from 60"),
        ({"repeat_intervals": ["x"]}, "repeat_intervals", "whole seconds"),
        ({"notify": [{"channel": "x"}]}, "notify", "of this team"),
        ({"notify": ["hook"]}, "notify", "of this team"),
        ({"name": "a\nb"}, "name", "one line"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_write(fields: dict[str, Any], field: str, said: str) -> None:
    found = validating.faults(rule(**fields))
    assert list(found) == [field]
    assert said in " ".join(found[field])


@pytest.mark.parametrize(
    ("metric", "op", "limit", "recovers"),
    [
        ("cpu_used_percent", "above", 95.0, 93.0),
        ("load1", "above", 4.0, 3.6),
        ("memory_available_bytes", "below", 1e9, 1.1e9),
        ("temperature_celsius", "above", -10.0, -11.0),
        ("services_failed", "above", 0.0, 0.0),
        ("forecast_seconds_left", "below", 86400.0, 95040.0),
    ],
)
def test_a_limit_gets_a_recovery_value_a_little_behind_it(
    metric: str, op: str, limit: float, recovers: float
) -> None:
    made = rule(metric=metric, op=op, critical=limit)
    assert made.critical_recover == recovers
    assert not validating.faults(made)


def test_what_we_filled_in_follows_its_limit_and_what_somebody_wrote_stays(api: Callable[..., Client]) -> None:
    client = api()
    made = client.post(API, HOT | {"critical_recover": 80}, content_type="application/json").json()
    assert (made["warn_recover"], made["critical_recover"]) == (83, 80)
    where = f"{API}/{made['id']}"
    lower = client.patch(where, {"warn": 70, "critical": 90}, content_type="application/json").json()
    assert (lower["warn_recover"], lower["critical_recover"]) == (68, 80)
    gone = client.patch(where, {"warn": None}, content_type="application/json").json()
    assert gone["warn_recover"] is None
    wrong = client.patch(where, {"critical": 75}, content_type="application/json")
    assert wrong.status_code == 400
    assert wrong.json()["fields"] == {
        "critical_recover": [
            "Where critical is over is 80, which must be below the critical limit, 75, or equal to it."
        ]
    }


def test_every_field_is_kept_and_comes_back(
    team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    owner = person()
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://example.org/"}
    channel.save()
    chain = Chain.objects.create(team=team, name="night")
    wanted = HOT | {
        "selector": "tag:db", "labels": {"core": "!0"}, "for": 60, "keep_firing_for": 30, "group_wait": 5,
        "group_by": ["rule", "tag:db"], "group_interval": 120, "repeat_intervals": [3600], "runbook": "Look at top.",
        "notify": [{"channel": str(channel.uuid)}, {"chain": str(chain.uuid)}, {"person": str(owner.uuid)}],
    }  # fmt: skip
    client = api(owner)
    made = client.post(API, wanted, content_type="application/json")
    assert made.status_code == 201, made.json()
    assert {name: made.json()[name] for name in wanted} == wanted
    assert made.json()["fault"] == ""
    again = client.put(f"{API}/{made.json()['id']}", made.json(), content_type="application/json")
    assert again.status_code == 200, again.json()
    assert list(Audit.objects.values_list("action", flat=True)) == ["rule.make"], "the same again changes nothing"
    client.delete(f"{API}/{made.json()['id']}")
    assert Audit.objects.order_by("pk").last().action == "rule.remove"  # type: ignore[union-attr]


def test_targets_of_another_team_are_like_none(
    other_team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    client = api()
    stranger = person(of=other_team)
    chain = Chain.objects.create(team=other_team, name="night")
    own = Channel(owner=stranger, name="phone", kind="webhook")
    own.config = {"url": "https://example.org/"}
    own.save()
    for target in ({"person": stranger.uuid}, {"chain": chain.uuid}, {"channel": own.uuid}):
        answer = client.post(API, HOT | {"notify": [target]}, content_type="application/json")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["notify"]


def test_a_rule_whose_target_is_gone_can_still_be_switched_off(team: Team, api: Callable[..., Client]) -> None:
    stale = Rule.objects.create(team=team, name="stale", metric="cpu", critical=1, notify=[{"channel": "gone"}])
    client = api()
    off = client.patch(f"{API}/{stale.uuid}", {"enabled": False}, content_type="application/json")
    assert off.status_code == 200, off.json()
    assert not off.json()["enabled"]
    assert (
        client.patch(f"{API}/{stale.uuid}", {"notify": stale.notify}, content_type="application/json").status_code
        == 400
    )


def test_two_people_who_change_different_fields_undo_nothing_of_each_other(team: Team) -> None:
    from alerts.services.rules import change_rule

    mine = Rule.objects.create(team=team, name="hot", metric="cpu", critical=95)
    theirs = Rule.objects.get(pk=mine.pk)
    change_rule(mine, {"critical": 90}, by=None)
    change_rule(theirs, {"name": "hotter"}, by=None)
    mine.refresh_from_db()
    assert (mine.name, mine.critical) == ("hotter", 90)


def test_a_slip_of_the_pen_is_said_when_the_rule_is_made(
    machine: Callable[..., Machine], api: Callable[..., Client]
) -> None:
    client = api()

    def warned(**fields: Any) -> str:
        made = client.post(API, HOT | fields, content_type="application/json").json()
        assert client.get(f"{API}/{made['id']}").json()["warnings"] == made["warnings"]
        assert client.get(API).json()["results"][-1]["warnings"] == [], "a list does not look at all servers"
        return " ".join(made["warnings"])

    assert "no server" in warned(name="early").lower()
    machine("web-1").report(None, boot="b1", **{"cpu_used_percent": 5, 'disk_used_percent{mount="/"}': 10})
    assert warned(name="right") == ""
    assert "Did you mean cpu_used_percent?" in warned(name="slip", metric="cpu_used_percnt")
    assert "No server matches" in warned(name="nobody", selector="tag:nothing")
    assert "these labels" in warned(name="labels", metric="disk_used_percent", labels={"mount": "/var*"})
    assert warned(name="not", metric="disk_used_percent", labels={"mount": "!/var*"}) == ""


def test_each_kind_says_what_is_wrong_with_its_own_fields(team: Team, api: Callable[..., Client]) -> None:
    client = api()

    def refused(**fields: Any) -> dict[str, list[str]]:
        answer = client.post(API, {"name": "r", "metric": "cpu"} | fields, content_type="application/json")
        assert answer.status_code == 400, answer.json()
        said: dict[str, list[str]] = answer.json()["fields"]
        return said

    assert list(refused(kind="change", warn=5, params={"window": 1})) == ["params"]
    assert "Known here: severity" in refused(kind="no_data", params={"windw": 60})["params"][0]
    assert list(refused(kind="no_data", warn=5)) == ["warn"]
    assert list(refused(kind="anomaly", warn=1)) == ["metric"]
    assert "is no rule of this team" in refused(kind="composite", params={"rules": str(team.uuid)})["params"][0]
    assert list(refused(kind="threshold", warn=5, params=[1])) == ["params"]
    made = client.post(API, {"name": "quiet", "kind": "no_data", "for": 300}, content_type="application/json")
    assert made.status_code == 201, made.json()
    assert made.json()["warn_recover"] is None


def test_the_admin_judges_by_the_same_sentences(team: Team, person: Callable[..., User], client: Client) -> None:
    owner = person(is_staff=True, is_superuser=True)
    client.force_login(owner)
    form = {
        "team": team.pk, "name": "hot", "kind": "threshold", "metric": "cpu", "labels": "{}", "op": "above",
        "critical": 95, "critical_recover": 99, "for_seconds": 0, "keep_firing_seconds": 0, "params": "{}",
        "notify": "[]", "group_by": "[]", "repeat_intervals": "[]", "enabled": "on",
    }  # fmt: skip
    where = "/admin/alerts/rule/add/"
    said = "Where critical is over is 99, which must be below the critical limit, 95, or equal to it."
    assert said in client.post(where, form).content.decode()
    assert client.post(where, form | {"critical_recover": ""}).status_code == 302
    made = Rule.objects.get()
    assert (made.critical_recover, made.made_by) == (93, owner)
    where = f"/admin/alerts/rule/{made.pk}/change/"
    assert client.post(where, form | {"critical": 90, "critical_recover": 93}).status_code == 302
    made.refresh_from_db()
    assert (made.critical, made.critical_recover) == (90, 88)
    assert list(Audit.objects.order_by("pk").values_list("action", flat=True)) == ["rule.make", "rule.change"]


def test_what_is_not_known_or_missing_is_said_with_what_to_write(team: Team, api: Callable[..., Client]) -> None:
    def said(path: str, **body: Any) -> Any:
        return api().post(f"/api/v1/{path}", body, content_type="application/json").json()["fields"]

    assert said("rules", name="a", op="over")["op"] == ["“over” is not known; write above or below."]
    assert "kinds are threshold, change" in said("rules", name="a", kind="odd")["kind"][0]
    for reason in ({}, {"reason": ""}, {"reason": None}):
        assert said("silences", **reason)["reason"] == ["Say why: people who miss a message will ask."]
    told = said("channels", name="a", kind="sms", config={"to": ["5551234"]})["config"]
    assert told == ["5551234 is no phone number with its country code, such as +4512345678."]


def test_what_is_wrong_is_said_in_the_readers_language() -> None:
    made = rule(warn=85, warn_recover=90)
    with translation.override("da"):
        [said] = validating.faults(made)["warn_recover"]
    assert said.startswith("Værdien, hvor en advarsel er forbi, er 90, men skal ligge under advarselsgrænsen, 85,")
    with translation.override("pt-br"):
        [said] = validating.faults(made)["warn_recover"]
    assert said == "O valor em que o aviso termina é 90, mas precisa ser menor que o limite de aviso, 85, ou igual."
