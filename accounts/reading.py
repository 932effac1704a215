"""The audit trail as people read it: filtered, page by page, as differences, and taken away whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.models import Audit
from core import tables

MOST = 100_000
COLUMNS = ("at", "who", "action", "target", "target_id", "team", "over", "address", "before", "after")


@dataclass(frozen=True)
class Asked:
    """What is looked for; empty is everything."""

    who: str = ""
    action: str = ""
    target: str = ""
    over: str = ""
    since: datetime | None = None
    until: datetime | None = None


def chosen(rows: QuerySet[Audit], asked: Asked) -> QuerySet[Audit]:
    """Newest first. `action` is a whole one, or the noun before its dot."""
    if asked.who:
        rows = rows.filter(actor__icontains=asked.who)
    if asked.action:
        rows = rows.filter(Q(action=asked.action) | Q(action__startswith=f"{asked.action}."))
    if asked.target:
        rows = rows.filter(Q(target__icontains=asked.target) | Q(target_id=asked.target))
    if asked.over:
        rows = rows.filter(over__icontains=asked.over)
    if asked.since:
        rows = rows.filter(at__gte=asked.since)
    if asked.until:
        rows = rows.filter(at__lt=asked.until)
    return rows.select_related("team").order_by("-pk")


@dataclass(frozen=True)
class Page:
    """Some rows, and where the older ones begin; none when these are the oldest."""

    rows: list[Audit]
    older: int | None


def page(rows: QuerySet[Audit], before: int | None, size: int) -> Page:
    """By key, so that the thousandth page costs what the first does, and new rows shift nothing."""
    found = list((rows.filter(pk__lt=before) if before else rows)[: size + 1])
    shown = found[:size]
    return Page(shown, shown[-1].pk if len(found) > size else None)


@dataclass(frozen=True)
class Change:
    """One field: how it was and how it is; empty where it was not, or is no more."""

    field: str
    before: str
    after: str


def changes(row: Audit) -> list[Change]:
    """What was empty before and after says nothing."""
    fields = dict.fromkeys((*row.before, *row.after))
    found = [Change(name, _said(row.before.get(name)), _said(row.after.get(name))) for name in fields]
    return [change for change in found if change.before or change.after]


def _said(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return f"{localtime(datetime.fromisoformat(value)):%Y-%m-%d %H:%M:%S}" if _MOMENT.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def plain(row: Audit) -> dict[str, Any]:
    """A row as the API and the export tell it."""
    return {
        "id": row.pk, "at": row.at, "who": row.actor, "action": row.action, "target": row.target,
        "target_id": row.target_id, "team": row.team.name if row.team else None, "over": row.over,
        "address": row.address, "before": row.before, "after": row.after,
    }  # fmt: skip


def as_csv(rows: QuerySet[Audit]) -> Iterator[str]:
    return tables.lines(COLUMNS, map(_flat, _all(rows)))


def as_json(rows: QuerySet[Audit]) -> Iterator[str]:
    """One list, written as it is read."""
    yield "["
    for place, row in enumerate(_all(rows)):
        yield (",\n" if place else "\n") + json.dumps(plain(row), default=_text, ensure_ascii=False)
    yield "\n]\n"


def _flat(row: Audit) -> dict[str, Any]:
    told = plain(row)
    return {**told, **{side: json.dumps(told[side], ensure_ascii=False) for side in ("before", "after")}}


def _all(rows: QuerySet[Audit]) -> Iterable[Audit]:
    return rows[:MOST].iterator(chunk_size=1000)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
