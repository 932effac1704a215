"""Verbs on servers: invite, remember facts and events, revoke, remove."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Team
from core import tokens
from core.clock import now
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Server

Facts = dict[str, dict[str, object]]


def make_enrolment(team: Team, name: str, *, reusable: bool = False, hours: float = 1.0) -> str:
    """Invite a machine; the clear token is returned here and never again."""
    token = tokens.make("wke")
    Enrolment.objects.create(
        team=team,
        name=name,
        key=token.key,
        digest=token.digest,
        reusable=reusable,
        expires_at=now() + timedelta(hours=hours),
    )
    return token.clear


@transaction.atomic
def set_facts(server: Server, document: Facts, at: datetime) -> None:
    """Keep the newest facts and write each difference into the change ledger; the same again does nothing."""
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    sheet = FactSheet.objects.select_for_update().filter(server=server).first()
    if sheet and (sheet.digest == digest or sheet.at > at):
        return
    if sheet:
        Change.objects.bulk_create(
            Change(server=server, at=at, section=section, key=key, before=before, after=after)
            for section, key, before, after in differences(sheet.document, document)
        )
    FactSheet.objects.update_or_create(server=server, defaults={"digest": digest, "document": document, "at": at})
    system, family = _system(document)
    if (system, family) != (server.os, server.family):
        server.os, server.family = system, family
        server.save(update_fields=["os", "family", "changed_at"])


def differences(before: Facts, after: Facts) -> Iterable[tuple[str, str, object, object]]:
    for section in sorted(before.keys() | after.keys()):
        old, new = before.get(section, {}), after.get(section, {})
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield section, key, old.get(key), new.get(key)


def _system(document: Facts) -> tuple[str, str]:
    system = document.get("os", {})
    return f"{system.get('name', '')} {system.get('version', '')}".strip()[:80], str(system.get("family", ""))[:20]


def add_events(server: int, events: Iterable[tuple[datetime, str, str, dict[str, object]]]) -> None:
    """Keep what a server said happened; told twice is kept once."""
    Event.objects.bulk_create(
        (
            Event(server_id=server, at=at, kind=kind[:60], text=text[:500], fields=fields)
            for at, kind, text, fields in events
        ),
        ignore_conflicts=True,
    )


def revoke(key: AgentKey) -> None:
    """End a key; every door refuses it within seconds. Ending an ended one does nothing."""
    if key.revoked_at is None:
        key.revoked_at = now()
        key.save(update_fields=["revoked_at", "changed_at"])
