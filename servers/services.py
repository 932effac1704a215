"""Verbs on servers: invite, remember facts and events, revoke, remove."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import isfinite

from django.db import transaction
from django.utils.translation import gettext_noop as _

from accounts.models import Team, User
from accounts.services import audit
from core import tokens
from core.clock import now
from core.locking import locked
from servers import orders
from servers.changing import accept, change, on_removal, remove, revoke, rotate, tags_of, withdraw
from servers.models import Change, Enrolment, Event, FactSheet, Server
from servers.reach import DRAIN, GAP, Mark, Watch, watch
from servers.refusals import Refusal, refusals
from servers.versions import outdated, own_version

__all__ = [
    "DRAIN", "GAP", "Mark", "Refusal", "Watch", "accept", "change", "on_removal", "orders", "outdated", "own_version",
    "refusals", "remove", "revoke", "rotate", "tags_of", "watch", "withdraw",
]  # fmt: skip

Facts = dict[str, dict[str, object]]
MOST_FACTS = 10_000  # kept of one server, counting sections
TWO_AGENTS = _(
    "Two agents report with the key of this server. Either two run on this machine, as after pasting the line twice: "
    "remove one of them (docs/start.md tells how). Or the machine was copied: give the copy another machine id, "
    "remove its agent and enrol it anew; then rotate the key of this server."
)
FORMS = (TWO_AGENTS,)  # kept in English, told in the reader's language


@transaction.atomic
def make_enrolment(
    team: Team,
    name: str,
    *,
    reusable: bool = False,
    hours: float = 1.0,
    demo: bool = False,
    by: User | None = None,
) -> str:
    """Invite a machine; the clear token is returned here and never again."""
    token = tokens.make("wke")
    made = Enrolment.objects.create(
        team=team,
        name=name,
        key=token.key,
        digest=token.digest,
        reusable=reusable,
        demo=demo,
        expires_at=now() + timedelta(hours=hours),
    )
    audit(by, "enrolment.make", made, after={"reusable": reusable, "hours": hours})
    return token.clear


@transaction.atomic
def set_facts(server: Server, document: Facts, at: datetime, *, whole: bool = True) -> None:
    """Keep the newest facts and write each difference into the change ledger; the same again does nothing.

    A section that is not named was not looked at yet, and stays; one that holds nothing any more is told as empty.
    Where the document is not the whole one, what its sections do not name stays, too.
    """
    sheet = locked(FactSheet.objects).filter(server=server).first()
    document = _over(sheet.document if sheet else {}, _clean(document), whole=whole)
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
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


def _over(known: Facts, told: Facts, *, whole: bool) -> Facts:
    if not whole:
        told = {section: {**known.get(section, {}), **pairs} for section, pairs in told.items()}
    kept = {**known, **told}
    # A machine that makes up sections without end keeps its newest alone.
    return kept if len(kept) + sum(map(len, kept.values())) <= MOST_FACTS else told


def differences(before: Facts, after: Facts) -> Iterable[tuple[str, str, object, object]]:
    """What changed; a section that was not known before is a first look at it, and no change."""
    for section in sorted(before):
        old, new = before[section], after.get(section, {})
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
            Event(server_id=server, at=at, kind=_text(kind)[:60], text=_text(text)[:500], fields=_scalars(fields))
            for at, kind, text, fields in events
        ),
        ignore_conflicts=True,
    )


def set_agent(servers: list[int], version: str) -> None:
    """Which agent these machines run; the same again writes nothing, and no rule depends on it."""
    version = _text(version)[:40]
    Server.objects.filter(pk__in=servers).exclude(agent=version).update(agent=version)


def _clean(document: Facts) -> Facts:
    return {_text(section)[:80]: _scalars(pairs) for section, pairs in document.items()}


def _scalars(pairs: dict[str, object]) -> dict[str, object]:
    return {_text(key)[:200]: _scalar(value) for key, value in pairs.items()}


def _scalar(value: object) -> object:
    """A machine's word as every database takes it: JSON there has no NaN, and no endless numbers."""
    if isinstance(value, str):
        return _text(value)[:2000]
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, int) and abs(value) >= 2**63:
        return None
    return value


def _text(value: str) -> str:
    # PostgreSQL takes no NUL in text; a lone surrogate cannot be encoded at all.
    return value.replace("\0", "").encode("utf-8", "replace").decode()
