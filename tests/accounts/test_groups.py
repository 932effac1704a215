"""Roles by groups of the sign-in service: followed at each sign-in, beside those that people give by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError
from django.test import RequestFactory

from accounts.models import Audit, Membership, Team, User
from accounts.services import change_member, follow_groups
from accounts.sign_in import provider
from accounts.sign_in.provider import Outside, roles, vouched
from monitor.env import Wrong, read

Person = Callable[..., User]


def role(team: Team, user: User) -> str:
    return Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first() or "nobody"


@pytest.mark.django_db
def test_a_role_follows_its_groups_and_one_given_by_hand_stays(team: Team, person: Person) -> None:
    boss, other = person(), Team.objects.create(name="Other")
    ana = User.objects.create(email="ana@example.org", password="!")
    follow_groups(ana, {"Main": "operator", "Gone": "admin"} | {team.name: "operator"})
    assert role(team, ana) == "operator"
    follow_groups(ana, {team.name: "manager"})
    assert role(team, ana) == "manager"
    assert set(Audit.objects.filter(user=ana).values_list("action", flat=True)) == {"member.add", "member.change"}
    Membership.objects.create(team=other, user=ana, role="admin")
    follow_groups(ana, {other.name: "viewer"})
    assert (role(team, ana), role(other, ana)) == ("nobody", "admin"), "what was given by hand is not the groups'"
    assert Audit.objects.filter(user=ana, action="member.remove").exists()
    follow_groups(ana, {team.name: "viewer"})
    change_member(Membership.objects.get(team=team, user=ana), by=boss, role="operator")
    follow_groups(ana, {})
    assert role(team, ana) == "operator", "changed by hand it is no longer the groups'"


@pytest.mark.django_db
def test_a_team_keeps_its_last_admin_whatever_the_groups_say(team: Team) -> None:
    ana = User.objects.create(email="ana@example.org", password="!")
    follow_groups(ana, {team.name: "admin"})
    for wanted in ({team.name: "viewer"}, {}):
        follow_groups(ana, wanted)
        assert role(team, ana) == "admin"


def _came(**claims: Any) -> Any:
    return SimpleNamespace(account=SimpleNamespace(extra_data={"id_token": {"sub": "x", **claims}}))


def test_groups_are_read_from_the_claim_that_is_named(settings: LazySettings) -> None:
    groups = (("it", "Main", "viewer"), ("boss", "Main", "admin"), ("db", "Data", "operator"))
    settings.OIDC = replace(settings.OIDC, groups=groups)
    assert roles(_came(groups=["boss", "it", "db"])) == {"Main": "viewer", "Data": "operator"}
    assert roles(_came(groups="boss")) == {"Main": "admin"}
    for nothing in ({}, {"groups": None}, {"groups": 7}, {"groups": [["boss"]]}, {"groups": {"boss": 1}}):
        assert roles(_came(**nothing)) == {}
    settings.OIDC = replace(settings.OIDC, groups=groups, groups_claim="realm_access.roles")
    assert roles(_came(realm_access={"roles": ["db"]})) == {"Data": "operator"}


def test_only_a_proven_address_is_believed(settings: LazySettings) -> None:
    settings.OIDC = replace(settings.OIDC, trust_email=False)
    for proof in ({}, {"email_verified": False}, {"email_verified": "false"}, {"email_verified": 1.5}):
        assert vouched(_came(email="ana@example.org", **proof)) == ""
    assert vouched(_came(email="Ana@example.org", email_verified=True)) == "ana@example.org"


@pytest.mark.parametrize("text", ["ops", "ops=Main", "ops=Main:owner", "=Main:viewer", "ops=:viewer"])
def test_groups_that_lead_nowhere_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(Wrong, match="Write a group, a team and a role"):
        read({"WATCHKEEPER_OIDC_GROUPS": text})


def _newcomer(team: Team, settings: LazySettings, **claims: Any) -> SimpleNamespace:
    """Somebody new of a service whose people all come into the team, and whose groups lead there too."""
    settings.OIDC = replace(
        settings.OIDC, issuer="https://id.example.org", team=team.name, role="operator",
        groups=(("boss", team.name, "manager"),),
    )  # fmt: skip
    said = {"email": "new@example.org", "email_verified": True, **claims}
    return SimpleNamespace(**vars(_came(**said)), state={"process": "login"}, is_existing=False, connect=_connect)


def _connect(*_given: Any) -> None:
    """What the framework keeps of it is its own."""


@pytest.mark.django_db
@pytest.mark.parametrize(("groups", "wanted"), [(["boss"], "manager"), ([], "operator")])
def test_a_newcomer_has_the_role_of_a_group_and_else_the_usual_one(
    team: Team, settings: LazySettings, rf: RequestFactory, groups: list[str], wanted: str
) -> None:
    came = _newcomer(team, settings, groups=groups)
    Outside().pre_social_login(rf.get("/"), came)
    new = User.objects.get(email="new@example.org")
    assert role(team, new) == wanted
    assert Membership.objects.get(user=new).by_groups is bool(groups)


@pytest.mark.django_db
def test_nobody_comes_half_in_where_the_roles_of_groups_cannot_be_kept(
    team: Team, settings: LazySettings, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(provider, "follow_groups", full)
    with pytest.raises(DatabaseError):
        Outside().pre_social_login(rf.get("/"), _newcomer(team, settings, groups=["boss"]))
    assert not User.objects.filter(email="new@example.org").exists()
