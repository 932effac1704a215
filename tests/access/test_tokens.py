"""API tokens: what ends them, what they never make, and bodies that ask for more than there is."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import ApiToken, Membership, User
from accounts.services import WrongScopes, make_token
from alerts import delivery
from alerts.models import Chain, Channel, Rule, Schedule, Silence
from core.clock import now
from core.guard import CONNECTION
from servers.models import Enrolment, Server
from tests.access import matrix
from tests.access.matrix import NOBODY
from tests.access.world import World, bearer, signed_in

DOORS = ("/api/v1/servers", "/api/v1/rules", "/api/v1/live?topics=fleet", "/api/v1/fleet/latest?metrics=load1")


def answers(client: Client) -> set[int]:
    return {client.get(path).status_code for path in (*DOORS, "/metrics")}


def expired(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).update(expires_at=now() - timedelta(seconds=1))


def revoked(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=now())


def deleted(token: ApiToken) -> None:
    token.delete()


def disabled(token: ApiToken) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


@pytest.mark.parametrize("end", [expired, revoked, deleted, disabled])
def test_a_token_ends_at_its_next_question_at_every_door(world: World, end: Callable[[ApiToken], None]) -> None:
    clear = make_token(world.people["admin"], "t", ["all"], expires=now() + timedelta(hours=1))
    client, token = bearer(clear), ApiToken.objects.get(key=clear[4:20])
    assert answers(client) == {200}
    end(token)
    assert answers(client) == {401}


class Wire:
    trusted, patience = False, None

    def trust(self) -> None:
        self.trusted = True


def test_a_connection_is_proven_by_people_and_their_tokens_and_by_no_stranger(world: World) -> None:
    def proven(client: Client, path: str) -> bool:
        wire: Any = Wire()
        client.get(path, **{CONNECTION: wire})
        return bool(wire.trusted)

    assert proven(world.token("viewer"), "/api/v1/servers")
    assert proven(signed_in(world.people["viewer"]), "/alerts/")
    for path in ("/api/v1/servers", "/alerts/", "/accounts/login/", "/me/address/some-word/"):
        assert not proven(Client(), path)
        assert not proven(bearer("wkt_0123456789abcdef.wrong"), path)


def test_a_token_does_no_more_than_its_person_may_at_this_moment(world: World) -> None:
    client, role = world.token("admin"), Membership.objects.filter(user=world.people["admin"])
    where = f"/api/v1/rules/{world.ours.rule.uuid}"
    assert client.patch(where, {"enabled": False}, content_type="application/json").status_code == 200
    role.update(role="viewer")
    assert client.patch(where, {"enabled": True}, content_type="application/json").status_code == 403
    role.delete()
    assert client.get(where).status_code == 404


def test_a_secret_is_kept_as_a_hash_compared_in_constant_time_and_its_use_is_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = make_token(world.people["admin"], "t", ["all"])
    row = ApiToken.objects.get(key=clear[4:20])
    secret = clear.partition(".")[2]
    assert secret not in json.dumps(ApiToken.objects.filter(pk=row.pk).values().get(), default=str)
    used = ApiToken.objects.filter(key=row.key, used_at__gt=now() - timedelta(minutes=1))
    assert not used.exists()
    assert bearer(clear).get(DOORS[0]).status_code == 200
    assert used.exists()
    asked: list[str] = []
    same = hmac.compare_digest

    def compared(one: str, two: str) -> bool:
        asked.append(one)
        return bool(same(one, two))

    monkeypatch.setattr("core.tokens.hmac.compare_digest", compared)
    assert bearer(f"{clear[:-1]}{'a' if clear[-1] != 'a' else 'b'}").get(DOORS[0]).status_code == 401
    assert len(asked) == 1


def test_no_token_makes_or_widens_what_lets_people_in(world: World) -> None:
    ours = world.ours.team.uuid
    client = world.token("owner")
    asked = [
        ("post", "tokens", {"name": "x", "scopes": ["all"]}),
        ("post", "teams", {"name": "x"}),
        ("patch", f"teams/{ours}", {"require_second_factor": False}),
        ("post", f"teams/{ours}/invitations", {"email": "x@example.org", "role": "admin"}),
        ("patch", f"teams/{ours}/members/{world.guest.uuid}", {"role": "admin"}),
        ("patch", f"accounts/{world.guest.uuid}", {"owner": True}),
        ("post", f"accounts/{world.guest.uuid}/reset-link", {}),
    ]
    for method, path, body in asked:
        reply = getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")
        assert (reply.status_code, reply.json()["error"]) == (403, "session_needed"), path
    assert client.get(f"/api/v1/teams/{ours}/members").status_code == 200, "reading is what scopes are for"


MORE = {
    "is_staff": True, "is_superuser": True, "is_active": True, "role": "admin", "id": NOBODY, "uuid": NOBODY,
    "pk": 1, "user": 1, "owner": True, "team": "theirs", "team_id": 1, "by": 1, "digest": "0" * 64, "key": "x",
    "fingerprint": "x", "internal": True, "demo": True, "password": "x", "scopes": ["all"], "used_at": None,
}  # fmt: skip


def standing(world: World) -> list[Any]:
    """Who may what, and whose everything is."""
    things = (Server, Rule, Channel, Chain, Schedule, Silence, Enrolment)
    return [
        list(User.objects.order_by("pk").values("pk", "is_staff", "is_superuser", "password", "uuid", "email")),
        list(Membership.objects.exclude(user=world.guest).order_by("pk").values("user", "team", "role", "selector")),
        *(list(one.objects.order_by("pk").values("pk", "uuid", "team")) for one in things),
        list(Server.objects.order_by("pk").values("fingerprint", "internal", "demo")),
        list(ApiToken.objects.order_by("pk").values("user", "digest", "scopes")),
    ]


@pytest.mark.parametrize("extra", [MORE, {"theirs": MORE}])
def test_a_body_that_asks_for_more_changes_nobodys_rights(
    world: World, extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written beside what an address takes is refused or left out."""
    monkeypatch.setattr(delivery, "send_test", lambda _channel: [])
    client, before, faults = signed_in(world.people["admin"]), standing(world), []
    views = dict(matrix.addresses())
    for row in matrix.rows():
        if not row.path.startswith("/api/v1/") or row.path not in views:
            continue
        where = matrix.address(row, matrix.inside(world, row.thing))
        for method in {"POST", "PUT", "PATCH"} & row.rights.keys():
            with transaction.atomic():
                reply = client.generic(method, where, json.dumps(extra), content_type="application/json")
                made = standing(world) != before
                transaction.set_rollback(True)
            if reply.status_code >= 500 or made:
                faults.append(f"{method} {row.path}: {reply.status_code}, changed: {made}")
    assert not faults, "\n".join(faults)


def test_each_writable_field_of_a_profile_is_listed_and_none_of_them_is_a_right(world: World) -> None:
    client = signed_in(world.people["viewer"])
    for field, value in MORE.items():
        reply = client.patch("/api/v1/me", {field: value}, content_type="application/json")
        assert reply.status_code in {200, 400}, field
    user = User.objects.get(pk=world.people["viewer"].pk)
    assert (user.is_staff, user.is_superuser, user.uuid) == (False, False, world.people["viewer"].uuid)
    assert Membership.objects.get(user=user).role == "viewer"


def test_no_scope_is_sold_that_no_token_may_use(world: World) -> None:
    with pytest.raises(WrongScopes):
        make_token(world.people["admin"], "x", ["sessions:read"])
    assert world.token(scopes=["all"]).get("/api/v1/sessions").json()["error"] == "session_needed"
