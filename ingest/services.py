"""Check a post and hand it to the journal; the one service behind the door and its DRF twin."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.clock import from_milliseconds, milliseconds
from core.errors import Conflict, Failure
from ingest import wire
from metrics.journal import Entry
from metrics.models import EARLIEST
from metrics.store import Known, WrongColumns, layout_hash, layouts
from servers import services as servers
from servers.auth import Agent
from servers.models import Server

AHEAD = 600_000  # ten minutes, in milliseconds
RAW_KEPT = 7 * 86_400_000


class UnknownLayout(Conflict):
    code = "unknown_layout"


@dataclass(slots=True)
class Batch:
    """A checked post: what goes into the journal, and what its answer will say."""

    agent: Agent
    post: wire.Post
    refused: list[wire.Refusal]
    entries: list[Entry] = field(default_factory=list)
    accepted: int = 0

    @property
    def has_extras(self) -> bool:
        return bool(self.post.events or (self.post.facts and self.post.facts.document))

    def answer(self) -> dict[str, Any]:
        return {
            "ack": self.post.seq,
            "accepted": self.accepted,
            "refused": [msgspec.to_builtins(one) for one in self.refused[: wire.MOST_REFUSED_TOLD]],
            "interval": self.agent.interval,
            "orders": [],
        }


def needs_learning(post: wire.Post) -> bool:
    """Whether a layout is not in memory yet, so that the database must be asked."""
    return bool(post.samples) or (bool(post.layout) and layouts.find(post.layout) is None)


def decode(body: bytes) -> tuple[wire.Post, list[wire.Refusal]]:
    try:
        return wire.decode(body)
    except wire.Undecodable as fault:
        raise Failure(str(fault), code="undecodable") from fault


def prepare(agent: Agent, post: wire.Post, refused: list[wire.Refusal]) -> Batch:
    """Judge every sample: bad ones are refused one by one, the rest becomes journal entries."""
    batch = Batch(agent, post, refused)
    received = milliseconds()
    if post.rows:
        layout = _layout(post.layout, post.columns)
        _take(batch, layout, *wire.matrix(post.rows, len(layout.columns), batch.refused), received)
    for names, rows in wire.by_layout(post.samples, batch.refused).items():
        columns = list(names)
        layout = layouts.find(hash_ := layout_hash(columns)) or _learn(hash_, columns)
        _take(batch, layout, *wire.matrix([row for _, row in rows], len(columns), batch.refused), received)
    if post.logs:
        batch.refused.append(wire.Refusal(0, "logs", "logs are not kept by this version"))
    _identify(batch)
    return batch


def _layout(hash_: str, columns: list[str] | None) -> Known:
    known = layouts.find(hash_)
    if known:
        return known
    if columns is not None:
        return _learn(hash_, columns)
    known = layouts.load(hash_)
    if known is None:
        raise UnknownLayout("This layout is not known here. Send the same batch again with `columns`.")
    return known


def _learn(hash_: str, columns: list[str]) -> Known:
    try:
        return layouts.learn(hash_, columns)
    except WrongColumns as fault:
        raise Failure(str(fault), code="bad_layout") from fault


def _identify(batch: Batch) -> None:
    """The batch's identity goes with its first entry; entries of one post are committed together or repeated."""
    if batch.post.seq is not None and batch.post.boot:
        for number, entry in enumerate(batch.entries):
            entry.boot = batch.post.boot if number == 0 else f"{batch.post.boot[:56]}#{number}"
            entry.seq = batch.post.seq


def _take(batch: Batch, layout: Known, cells: NDArray[np.float64], places: list[int], received: int) -> None:
    if not layouts.within_quota(batch.agent.server, layout):
        batch.refused.append(wire.Refusal(0, "", "over this server's quota of 5000 series; nothing of it was stored"))
        return
    keep, times = _times(cells[:, 0], places, received, batch.refused)
    values = cells[keep, 1:]
    _refuse_infinite(values, layout, [places[i] for i in np.flatnonzero(keep)], batch.refused)
    _refuse_names(values, layout, batch.refused)
    accepted = int(np.count_nonzero(~np.isnan(values)))
    batch.accepted += accepted
    if accepted:
        batch.entries.append(Entry(batch.agent.server, layout, received, times[keep], values))


def _times(
    seconds: NDArray[np.float64], places: list[int], received: int, refused: list[wire.Refusal]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows have a time that can be believed."""
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(seconds) & (np.abs(seconds) < 1e11)
        times = np.where(finite, np.rint(np.where(finite, seconds, 0.0) * 1000), 0).astype(np.int64)
    ahead = finite & (times > received + AHEAD)
    old = finite & (times < max(received - RAW_KEPT, EARLIEST))
    for mask, error in (
        (~finite, "the time is no number"),
        (ahead, "more than 10 minutes in the future: check the clock of this machine"),
        (old, "older than the retention of 7 days"),
    ):
        refused.extend(wire.Refusal(places[place], "", error) for place in np.flatnonzero(mask))
    return finite & ~ahead & ~old, times


def _refuse_infinite(
    values: NDArray[np.float64], layout: Known, places: list[int], refused: list[wire.Refusal]
) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        for row, column in np.argwhere(infinite).tolist():
            refused.append(wire.Refusal(places[row], layout.columns[column], "not finite"))
        values[infinite] = np.nan


def _refuse_names(values: NDArray[np.float64], layout: Known, refused: list[wire.Refusal]) -> None:
    for column, error in layout.refused.items():
        refused.append(wire.Refusal(0, column[:200], error))
        values[:, layout.place[column]] = np.nan


def keep_extras(agent: Agent, post: wire.Post) -> None:
    """Facts and events, before the answer: told twice is kept once. Needs the database; rare."""
    at = from_milliseconds(milliseconds())
    if post.facts and post.facts.document:
        server = Server.objects.filter(pk=agent.server).first()
        if server:
            servers.set_facts(server, _clean(post.facts.document), at)
    if post.events:
        servers.add_events(
            agent.server,
            [
                (_moment(event.t, at), _text(event.kind), _text(event.text), dict(event.fields))
                for event in post.events
            ],
        )


def _moment(seconds: float, now: datetime) -> datetime:
    """An event's own time where it can be believed, else ours."""
    milli = seconds * 1000
    return from_milliseconds(int(milli)) if EARLIEST <= milli <= now.timestamp() * 1000 + AHEAD else now


def _text(value: str) -> str:
    # PostgreSQL takes no NUL in text; a lone surrogate cannot be encoded at all.
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _clean(document: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        _text(section)[:80]: {
            _text(key)[:200]: _text(value)[:2000] if isinstance(value, str) else value for key, value in pairs.items()
        }
        for section, pairs in document.items()
    }
