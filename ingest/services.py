"""Check a post and hand it to the journal; the one service behind the door and its DRF twin."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, cast

import numpy as np
from django.conf import settings
from django.db import DataError, IntegrityError
from numpy.typing import NDArray

from core.clock import from_milliseconds, milliseconds, steady
from core.errors import Busy, Conflict, Failure
from ingest import wire
from ingest.limits import Share
from ingest.unpack import TooLarge, unpack
from metrics.journal import Entry
from metrics.models import EARLIEST
from metrics.store import Admitted, Known, TooManyLayouts, WrongColumns, layout_hash, layouts
from servers import services as servers
from servers.auth import Agent, keyring
from servers.models import Server

log = logging.getLogger(__name__)

AHEAD = 600_000  # ten minutes, in milliseconds
DAY = 86_400_000

Found = tuple[Admitted, Known | None]


class UnknownLayout(Conflict):
    code = "unknown_layout"


class TooManyLayoutsNow(Failure):
    status = 429
    code = "too_many_layouts"


@dataclass(slots=True)
class Batch:
    """A checked post: what goes into the journal, and what its answer will say."""

    agent: Agent
    post: wire.Post
    refused: wire.Refusals
    groups: list[wire.Group] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    accepted: int = 0
    found: list[Found | None] = field(default_factory=list)

    @property
    def has_extras(self) -> bool:
        post = self.post
        return bool(post.events or post.done or (post.facts and post.facts.document))

    def look(self) -> None:
        """Find the layouts that are in memory; to admit large ones for this server takes milliseconds."""
        server = self.agent.server
        self.found = [
            layouts.admitted(server, group.hash) or layouts.admit_known(server, group.hash) for group in self.groups
        ]

    @property
    def unsettled(self) -> bool:
        """Whether a layout is not in memory yet, so that the database must be asked."""
        return None in self.found

    @property
    def cells(self) -> int:
        return sum([len(row) for group in self.groups for row in group.rows])

    def answer(self) -> dict[str, Any]:
        return {
            "ack": self.post.seq,
            "accepted": self.accepted,
            "refused": self.refused.answer(),
            "interval": self.agent.interval,
            "orders": servers.orders.waiting(self.agent.server),
        }


def receive(agent: Agent, body: bytes, encoding: str, share: Share) -> Batch:
    """Unpack and decode; nothing here needs the database."""
    plain = unpack(body, encoding)
    share.grow(len(plain) if plain is body else len(body) + len(plain))
    batch = begin(agent, *decode(plain))
    batch.look()
    return batch


def decode(body: bytes) -> tuple[wire.Post, wire.Refusals]:
    try:
        return wire.decode(body)
    except wire.Undecodable as fault:
        raise Failure(str(fault), code="undecodable") from fault
    except wire.TooMany as fault:
        raise TooLarge(str(fault)) from fault


def begin(agent: Agent, post: wire.Post, refused: wire.Refusals) -> Batch:
    """The post as groups of rows, each under the hash of its columns."""
    keyring.hear(agent, post.agent)
    try:
        batch = Batch(agent, post, refused, wire.groups(post, refused))
    except wire.TooMany as fault:
        raise TooLarge(str(fault)) from fault
    for group in batch.groups:
        group.hash = group.hash or layout_hash(group.columns or [])
    post.rows, post.samples = [], []  # the groups have them now, and end with `judge`
    return batch


def settle(batch: Batch) -> None:
    """Decide what is kept of layouts that are new for this server; needs the database."""
    for group in list(batch.groups):
        if layouts.admitted(batch.agent.server, group.hash) is None and not _admit(batch, group):
            batch.groups.remove(group)


def _admit(batch: Batch, group: wire.Group) -> bool:
    """Have a group's layout in memory; false when its samples were refused one by one."""
    try:
        known = layouts.admit(batch.agent.server, group.hash, group.columns)
    except TooManyLayouts as fault:
        if not group.by_hand:
            raise TooManyLayoutsNow(str(fault), retry=fault.wait) from fault
        batch.refused.add_all(((place, "") for place in group.places), len(group.places), str(fault))
        return False
    except WrongColumns as fault:
        raise Failure(str(fault), code="bad_layout") from fault
    if known is None:
        raise UnknownLayout("This layout is not known here. Send the same batch again with `columns`.")
    return True


def judge(batch: Batch) -> None:
    """Judge every sample: bad ones are refused one by one, the rest becomes journal entries."""
    received = milliseconds()
    if len(batch.found) != len(batch.groups) or None in batch.found:
        batch.found = [layouts.admitted(batch.agent.server, group.hash) for group in batch.groups]
    for group, found in zip(batch.groups, batch.found, strict=True):
        if found is None:  # so many others came meanwhile that it was forgotten
            raise Busy("More arrives than can be checked; send it again in a moment.", retry=2)
        _take(batch, group, found, received)
    batch.groups = []
    if batch.post.logs:
        batch.refused.add(0, "logs", "logs are not kept by this version")


def prepare(agent: Agent, post: wire.Post, refused: wire.Refusals) -> Batch:
    """All steps from a decoded post to journal entries, for callers that may wait for the database."""
    batch = begin(agent, post, refused)
    settle(batch)
    judge(batch)
    return batch


def _take(batch: Batch, group: wire.Group, found: Found, received: int) -> None:
    admitted, layout = found
    for column, error in admitted.refused:
        batch.refused.add(0, column, error)
    batch.refused.count += admitted.unsaid
    cells, places = wire.matrix(group, admitted.width, batch.refused)
    keep, times = _times(cells[:, 0], places, received, batch.refused)
    if layout is None:
        return
    values = cells[:, 1:]
    if keep is not None:
        values, times, places = values[keep], times[keep], [places[i] for i in np.flatnonzero(keep)]
    if admitted.picks is not None:
        values = values[:, admitted.picks]
        values[:, admitted.picks < 0] = np.nan
    accepted = values.size
    if not np.isfinite(values).all():
        _refuse_infinite(values, layout, places, batch.refused)
        accepted = int(np.count_nonzero(~np.isnan(values)))
    if accepted:
        batch.accepted += accepted
        entry = Entry(batch.agent.server, layout, received, times, values)
        if batch.post.seq is not None and batch.post.boot:
            entry.boot, entry.seq = _part(batch.post.boot, group.number), batch.post.seq
        batch.entries.append(entry)


def _part(boot: str, number: int) -> str:
    """The identity of a post's group: by its number, so that it stays when another group's samples are refused."""
    if not number:
        return boot
    return f"{boot if len(boot) <= 56 else sha256(boot.encode()).hexdigest()[:56]}#{number}"


def _times(
    seconds: NDArray[np.float64], places: list[int], received: int, refused: wire.Refusals
) -> tuple[NDArray[np.bool_] | None, NDArray[np.int64]]:
    """Which rows have a time that can be believed: nothing means all, as it nearly always is."""
    # Should our own clock have jumped, what is right by either is taken: a refused sample is lost for good.
    other = steady()
    oldest = max(min(received, other) - settings.KEEP_RAW_DAYS * DAY, EARLIEST)
    newest = max(received, other) + AHEAD
    if len(seconds) and seconds.min() * 1000 > oldest and seconds.max() * 1000 < newest:
        return None, np.rint(seconds * 1000).astype(np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(seconds) & (np.abs(seconds) < 1e11)
        times = np.where(finite, np.rint(np.where(finite, seconds, 0.0) * 1000), 0).astype(np.int64)
    ahead = finite & (times > newest)
    old = finite & (times < oldest)
    for mask, error in (
        (~finite, "the time is no number"),
        (ahead, "more than 10 minutes in the future: check the clock of this machine"),
        (old, f"older than the retention of {settings.KEEP_RAW_DAYS} days"),
    ):
        wrong = np.flatnonzero(mask)
        refused.add_all(((places[place], "") for place in wrong), len(wrong), error)
    return finite & ~ahead & ~old, times


def _refuse_infinite(values: NDArray[np.float64], layout: Known, places: list[int], refused: wire.Refusals) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        wrong = np.argwhere(infinite)
        refused.add_all(((places[row], layout.columns[column]) for row, column in wrong), len(wrong), "not finite")
        values[infinite] = np.nan


def keep_extras(batch: Batch) -> None:
    """Facts and events, before the answer: told twice is kept once. Needs the database; rare."""
    at = from_milliseconds(milliseconds())
    for name, keep in (("facts", _keep_facts), ("events", _keep_events), ("done", _keep_done)):
        try:
            keep(batch, at)
        except (DataError, IntegrityError, ValueError) as fault:
            # Told as what it is: a 503 would have the agent send it for ever.
            log.warning("%s of %s were refused: %s", name, batch.agent.name, fault)
            batch.refused.add(0, name, "the database does not take them; they were not kept")


def _keep_facts(batch: Batch, at: datetime) -> None:
    document = batch.post.facts.document if batch.post.facts else {}
    if len(document) + sum(map(len, document.values())) > wire.MOST_FACTS:
        batch.refused.add(0, "facts", f"more than {wire.MOST_FACTS} facts; none was kept")
    elif document and (server := Server.objects.filter(pk=batch.agent.server).first()):
        # As old as their rows: what a spool kept for a day never overwrites what was told since.
        last = max((int(entry.times[-1]) for entry in batch.entries), default=None)
        told = at if last is None else min(at, from_milliseconds(last))
        servers.set_facts(server, cast("servers.Facts", document), told)


def _keep_done(batch: Batch, _at: datetime) -> None:
    """What became of orders."""
    if batch.post.done:
        servers.orders.finish(batch.agent.server, batch.post.done)


def _keep_events(batch: Batch, at: datetime) -> None:
    told = batch.post.events
    if len(told) > wire.MOST_EVENTS:
        batch.refused.add(0, "events", f"more than {wire.MOST_EVENTS} events; only the first were kept")
    if told:
        servers.add_events(
            batch.agent.server,
            [
                (_moment(event.t, at), event.kind, event.text, dict(islice(event.fields.items(), wire.MOST_FIELDS)))
                for event in told[: wire.MOST_EVENTS]
            ],
        )


def _moment(seconds: float, now: datetime) -> datetime:
    """An event's own time where it can be believed, else ours."""
    milli = seconds * 1000
    return from_milliseconds(int(milli)) if EARLIEST <= milli <= now.timestamp() * 1000 + AHEAD else now
