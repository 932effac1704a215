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
from accounts.trail import BY_SOMEBODY, PRODUCT, SOMEBODY
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


def who(row: Audit) -> str:
    """Somebody unknown is never told as the product, which only wrote it down."""
    unknown = row.action in BY_SOMEBODY and row.actor in {PRODUCT, SOMEBODY}
    return _("Somebody") if unknown else row.actor


def names(rows: Iterable[Audit], seen: QuerySet[Audit]) -> dict[str, str]:
    """What the ids in these rows are called, as far as the reader's own trail has told it; the newest name."""
    ids = {one for row in rows for one in _ID.findall(json.dumps([row.before, row.after]))}
    told = seen.filter(target_id__in=ids).order_by("pk") if ids else seen.none()
    return dict(told.values_list("target_id", "target"))


def changes(row: Audit, names: dict[str, str] | None = None) -> list[Change]:
    """What was empty before and after says nothing."""
    fields, known = dict.fromkeys((*row.before, *row.after)), names or {}
    found = [Change(name, _said(row.before.get(name), known), _said(row.after.get(name), known)) for name in fields]
    return [change for change in found if change.before or change.after]


def _said(value: Any, names: dict[str, str]) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_said(one, names) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(one, names)}" for name, one in value.items())
    if isinstance(value, str):
        value = names.get(value, value)
        return f"{localtime(datetime.fromisoformat(value)):%Y-%m-%d %H:%M:%S}" if _MOMENT.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    told = {**plain(row), "at": row.at.replace(microsecond=0)}
    return {**told, **{side: json.dumps(told[side], ensure_ascii=False) for side in ("before", "after")}}


def _all(rows: QuerySet[Audit]) -> Iterable[Audit]:
    return rows[:MOST].iterator(chunk_size=1000)


def _text(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
