"""Whatever a program sends to alerts, it hears what is wrong with it; nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.models import Chain, Channel, Incident, Notice, Override, Rule, Schedule, Silence, Way
from core.clock import now

Body = dict[str, Any]
DEEP: Any = "x"
for _ in range(60):
    DEEP = [DEEP]
ODD: list[Any] = [
    None, True, 0, -1, 10**30, -(10**30), 1.5, 1e308, "", " ", "\x00", "a\x00b", "\ud800", "x" * 3000, "0001-01-01",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", -62135596800, 253402300799, "٣", "²", [], [[]], [None], [{}], {},
    {"": ""}, {"x": {"y": None}}, {"\x00": "\x00"}, ["\x00"], [10**30], DEEP, "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000", "=1+1", "{{7*7}}", "%00", "1e400", '"\\x"', "<QueryDict>",
]  # fmt: skip


@pytest.fixture
def world(team: Team, person: Callable[..., User]) -> dict[str, Any]:
    user = person("admin")
    rule = Rule.objects.create(team=team, name="Hot", metric="cpu_used_percent", critical=90)
    hook = Channel(team=team, name="Hook", kind="webhook")
    hook.config = {"url": "https://example.org/x"}
    hook.save()
    mine = Channel(owner=user, name="Mine", kind="email")
    mine.config = {"to": ["a@example.org"]}
    mine.save()
    chain = Chain.objects.create(team=team, name="Chain", steps=[{"kind": "team"}])
    schedule = Schedule.objects.create(team=team, name="Duty")
    override = Override.objects.create(
        schedule=schedule, user=user, starts_at=now(), ends_at=now() + timedelta(hours=1)
    )
    silence = Silence.objects.create(team=team, starts_at=now(), ends_at=now() + timedelta(days=1), reason="x")
    way = Way.objects.create(user=user, channel=mine)
    incident = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=now(), rule=rule)
    Notice.objects.create(incident=incident, kind="firing", at=now(), text="x")
    return {
        "user": user, "rule": rule.uuid, "hook": hook.uuid, "mine": mine.uuid, "chain": chain.uuid,
        "schedule": schedule.uuid, "override": override.uuid, "silence": silence.uuid, "way": way.uuid,
        "incident": incident.uuid,
    }  # fmt: skip


CHANNELS: list[Body] = [
    {"kind": "webhook", "config": {"url": "https://example.org/", "secret": "x"}},
    {"kind": "email", "config": {"to": ["a@example.org"], "server": "smtp://example.org?from=a@example.org"}},
    {"kind": "sms", "config": {
        "to": ["+4520123456"], "account": "AC1", "token": "x", "from": "+4520123456", "service": "x",
        "api_url": "https://example.org"}},
    {"kind": "slack", "config": {"channel": "#x", "token": "x", "signing_secret": "x", "api_url": "https://e.org"}},
    {"kind": "teams", "config": {"url": "https://example.org/"}},
    {"kind": "push", "config": {"subscriptions": [{"endpoint": "https://e.org", "p256dh": "x", "auth": "x"}]}},
    {"kind": "apprise", "config": {"url": "json://example.org"}},
]  # fmt: skip


def shapes(w: dict[str, Any]) -> list[tuple[str, str, Body]]:
    """Each route that takes a body, with one that it takes."""
    soon = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    rule = {
        "name": "New", "kind": "threshold", "metric": "cpu_used_percent", "labels": {"mount": "/"},
        "selector": "tag:web", "op": "above", "warn": 80, "warn_recover": 70, "critical": 90, "critical_recover": 85,
        "for": 60, "keep_firing_for": 60, "params": {}, "notify": [{"channel": str(w["hook"])}], "group_by": ["rule"],
        "group_wait": 5, "group_interval": 60, "repeat_intervals": [3600], "runbook": "x", "enabled": True,
        "team": "Main",
    }  # fmt: skip
    kinds = [
        ("change", {"window": 600, "percent": True}), ("past", {"against": "day", "window": 600, "percent": True}),
        ("composite", {"rules": str(w["rule"])}), ("no_data", {"metric": "x"}),
    ]  # fmt: skip
    silence = {
        "selector": "tag:web", "rule": str(w["rule"]), "starts_at": soon, "ends_at": None, "rrule": "FREQ=DAILY",
        "duration": 600, "zone": "America/Sao_Paulo", "reason": "x", "team": "Main",
    }  # fmt: skip
    whole = {
        "name": "New", "enabled": True, "default": True, "language": "da", "fallback": str(w["hook"]), "storm_cap": 5,
        "own": False, "team": "Main",
    }  # fmt: skip
    base = "/api/v1/"
    return [
        ("post", f"{base}rules", rule),
        ("patch", f"{base}rules/{w['rule']}", rule),
        *(("post", f"{base}rules/preview", {"kind": kind, "params": params, "metric": "x", "critical": 5, "days": 1})
          for kind, params in kinds),
        ("post", f"{base}rules/preview", rule | {"days": 1}),
        *(("post", f"{base}channels", whole | one) for one in CHANNELS),
        ("patch", f"{base}channels/{w['hook']}", whole | CHANNELS[0]),
        ("patch", f"{base}channels/{w['mine']}", {"name": "x", "config": {"to": ["a@example.org"]}, "kind": "email"}),
        ("post", f"{base}silences", silence),
        ("patch", f"{base}silences/{w['silence']}", silence),
        ("post", f"{base}silences/preview", silence),
        *of_people(w, soon),
    ]  # fmt: skip


def of_people(w: dict[str, Any], soon: str) -> list[tuple[str, str, Body]]:
    person, base = str(w["user"].uuid), "/api/v1/"
    turns = {
        "people": [person], "days": 7, "starts_on": "2026-01-01", "ends_on": "2027-01-01", "hand_over": "08:00",
        "hours_from": "08:00", "hours_until": "17:00", "weekdays": [0],
    }  # fmt: skip
    step = {"kind": "person", "person": person, "important": True}
    return [
        ("post", f"{base}chains", {
            "name": "x", "default": True, "unacknowledge": True, "team": "Main",
            "steps": [step, {"kind": "wait", "seconds": 60}, {"kind": "channel", "channel": str(w["hook"])},
                      {"kind": "on_call", "schedule": str(w["schedule"])}, {"kind": "repeat", "times": 2}]}),
        ("post", f"{base}schedules", {"name": "x", "zone": "UTC", "fallback": person, "rotations": [turns]}),
        ("put", f"{base}schedules/{w['schedule']}", {"name": "x", "zone": "UTC", "rotations": [turns]}),
        ("post", f"{base}schedules/{w['schedule']}/overrides", {
            "user": person, "starts_at": soon, "ends_at": "2026-12-01T00:00:00Z"}),
        ("post", f"{base}ways", {
            "kind": "email", "address": "b@example.org", "severity": "warn", "after": 0, "place": 1}),
        ("post", f"{base}ways", {"kind": "sms", "config": {"to": ["+4520123456"]}}),
        ("patch", f"{base}ways/{w['way']}", {"channel": str(w["mine"]), "severity": "critical", "after": 5}),
        ("put", f"{base}preferences", {
            "language": "da", "zone": "UTC", "quiet_from": "22:00", "quiet_until": "07:00", "quiet_days": [0],
            "critical_breaks_quiet": True}),
        ("post", f"{base}push/subscriptions", {
            "endpoint": "https://example.org/x", "keys": {"p256dh": "x", "auth": "x"}, "name": "x"}),
        ("delete", f"{base}push/subscriptions", {"endpoint": "https://example.org/x"}),
        ("post", f"{base}acknowledge", {"token": "x"}),
        ("post", f"{base}incidents/{w['incident']}/note", {"text": "x"}),
        ("post", f"{base}incidents/{w['incident']}/acknowledge", {"how": "until", "until": soon, "reason": "x"}),
        ("post", f"{base}incidents/{w['incident']}/unacknowledge", {}),
    ]  # fmt: skip


def bent(body: Any) -> list[Any]:
    """The body with one value after the other replaced by each odd one."""
    found: list[Any] = []
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        for odd in [*ODD, *bent(value)]:
            copy = dict(body) if isinstance(body, dict) else list(body)
            copy[key] = odd
            found.append(copy)
    return found


LISTS = (
    "rules", "channels", "chains", "schedules", "silences", "ways", "incidents", "notices", "deliveries", "people",
)  # fmt: skip
FILTERS = ("state", "team", "server", "rule", "since", "from", "to", "channel", "incident", "page", "size", "format")
SOME = 120  # of some six thousand, which take two minutes


def test_no_odd_body_breaks_a_route_of_alerts(world: dict[str, Any], api: Callable[..., Client]) -> None:
    client, chance = api(world["user"]), Random(4)
    client.raise_request_exception = False
    asked = [(method, path, json.dumps(odd)) for method, path, body in shapes(world) for odd in [*ODD, *bent(body)]]
    deep = ("post", "/api/v1/chains", "[" * 100_000)
    for method, path, body in [*chance.sample(asked, SOME), deep]:
        answer = getattr(client, method)(path, body, content_type="application/json")
        assert answer.status_code < 500, (method, path, body)
    for path in LISTS:
        assert client.get(f"/api/v1/{path}").status_code == 200, path
    questions = list(product((*LISTS, f"schedules/{world['schedule']}/shifts"), FILTERS, ODD))
    for path, name, odd in chance.sample(questions, SOME // 5):
        answer = client.get(f"/api/v1/{path}", {name: repr(odd)})
        assert answer.status_code < 500, (path, name, odd)
