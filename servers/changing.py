"""What people do to servers: describe, pause, remove, alone or many at once; each leaves an audit row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from core import runner, selector
from core.clock import now
from core.locking import locked
from servers import orders
from servers.models import AgentKey, Enrolment, Server

KEYS = "keys"
SLICE = 50
"""Servers in one transaction: posts and other people get in between."""
MOST_TAGS = 50
LONGEST_TAG = 60

T = TypeVar("T")
Removal = Callable[[list[int]], None]
_removals: list[Removal] = []


def on_removal(hook: Removal) -> None:
    """Whoever keeps rows about servers ends them in the transaction that removes these servers."""
    if hook not in _removals:
        _removals.append(hook)


def tags_of(words: Iterable[str]) -> list[str]:
    """Tags as they are kept: printable, trimmed, each once, in order; ValueError says what is wrong."""
    found = sorted({word.strip() for word in words if word.strip()})
    for tag in found:
        if len(tag) > LONGEST_TAG or not tag.isprintable():
            raise ValueError(f"A tag is one printable word of at most {LONGEST_TAG} characters.")
    if len(found) > MOST_TAGS:
        raise ValueError(f"A server carries at most {MOST_TAGS} tags.")
    return found


@transaction.atomic
def change(server: Server, wanted: dict[str, Any], *, by: User | None) -> bool:
    """Set what differs; the same again does nothing."""
    row = locked(Server.objects).filter(pk=server.pk).first()
    if row is None:
        return False
    before = {name: getattr(row, name) for name, value in wanted.items() if getattr(row, name) != value}
    if not before:
        return False
    after = {name: wanted[name] for name in before}
    for holder in (row, server):
        for name, value in after.items():
            setattr(holder, name, value)
    row.save(update_fields=[*after, "changed_at"])
    audit(by, "server.change", row, before=before, after=after)
    return True


@transaction.atomic
def rotate(server: Server, *, by: User | None) -> None:
    """Have the agent ask for a new key; the old one lives until the new one was used."""
    orders.issue(server, "rotate_key", by=by)
    audit(by, "server.rotate", server)


@transaction.atomic
def revoke(key: AgentKey, *, by: User | None = None) -> None:
    """End a key; every door refuses it within seconds. Ending an ended one does nothing."""
    if AgentKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now(), changed_at=now()):
        audit(by, "key.revoke", key.server, before={"key": key.key})
        transaction.on_commit(partial(runner.wake, KEYS))


@transaction.atomic
def withdraw(invitation: Enrolment, *, by: User | None) -> None:
    """An invitation that nobody shall use any more."""
    if Enrolment.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=now()):
        audit(by, "enrolment.revoke", invitation)


@transaction.atomic
def accept(server: Server, *, by: User | None, offered: str = "") -> bool:
    """The machine that was refused for its fingerprint is this server from now on; the old machine's keys end.

    `offered` is the one somebody saw: another may have asked since.
    """
    row = locked(Server.objects).filter(pk=server.pk).first()
    if row is None or not row.offered or (offered and row.offered != offered):
        return False
    audit(by, "server.accept", row, before={"fingerprint": row.fingerprint}, after={"fingerprint": row.offered})
    row.fingerprint, row.offered = row.offered, ""
    row.save(update_fields=["fingerprint", "offered", "changed_at"])
    AgentKey.objects.filter(server=row, revoked_at=None).update(revoked_at=now(), changed_at=now())
    transaction.on_commit(partial(runner.wake, KEYS))
    return True


def remove(servers: Sequence[Server], *, by: User | None = None) -> int:
    """Forget servers: alerts end and are told, keys die at once, what was measured goes by the store's own job."""
    count = 0
    for part in _slices(servers):
        with transaction.atomic():
            mine = list(locked(Server.objects).filter(pk__in=[one.pk for one in part]))
            ids = [one.pk for one in mine]
            for hook in _removals:
                hook(ids)
            for one in mine:
                audit(by, "server.remove", one)
            Server.objects.filter(pk__in=ids).delete()
            transaction.on_commit(partial(runner.wake, KEYS))
        count += len(mine)
    return count


@dataclass(frozen=True)
class Bulk:
    """What shall become of many servers."""

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    rotate: bool = False
    remove: bool = False

    def wanted(self, server: Server) -> dict[str, Any]:
        """What differs from how it is; ValueError when it would carry too many tags."""
        wanted = dict(self.fields)
        if self.add_tags or self.remove_tags:
            wanted["tags"] = tags_of({*map(str, server.tags), *self.add_tags} - set(self.remove_tags))
        return {name: value for name, value in wanted.items() if getattr(server, name) != value}


def bulk(servers: Sequence[Server], wish: Bulk, *, by: User | None, dry_run: bool = False) -> int:
    """Do it to all of them; the count of those that change, or that would."""
    if wish.remove:
        return len(servers) if dry_run else remove(servers, by=by)
    # All are looked at first: a wish that cannot be met for one is refused for all.
    plans = [(server, wish.wanted(server)) for server in servers]
    due = [(server, wanted) for server, wanted in plans if wanted or wish.rotate]
    if dry_run:
        return len(due)
    for part in _slices(due):
        with transaction.atomic():
            for server, wanted in part:
                change(server, wanted, by=by)
                if wish.rotate:
                    rotate(server, by=by)
    return len(due)


def chosen(servers: Iterable[Server], text: str) -> list[Server]:
    """Those a selector means; outside production only where it names `env:`. Unreadable ones raise."""
    meant = selector.parse(text)
    return [server for server in servers if meant.matches(server.words())]


def _slices(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_), SLICE):
        yield all_[start : start + SLICE]
