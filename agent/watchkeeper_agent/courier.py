"""Carries rows from the spool to the hub: the newest first, at the hub's pace, for as long as it takes."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from watchkeeper_agent import VERSION
from watchkeeper_agent.errors import say
from watchkeeper_agent.jitter import between
from watchkeeper_agent.orders import Desk
from watchkeeper_agent.post import Answer, Hub, Unreachable
from watchkeeper_agent.rows import Batch
from watchkeeper_agent.spool import MOST_ROWS, Spool

INGEST = "/api/v1/ingest"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
LONGEST_REST = 3600.0  # of what a hub may ask for
SLOW = 120.0  # a revoked key does not come back by asking often
# How our hub says that a report is at fault; what else comes with a 4xx is of somebody in between.
FOR_GOOD = ("undecodable", "bad_layout", "too_large")
# Between posts of the past: a returning hub has many agents to hear. A few rows go soon; a long past goes
# as one post to ten of the present, which is a tenth more than the hub is used to.
SOON, SHARE = (0.2, 0.6), 10.0
PACE = (2.0, 120.0)
LIVE_BACKLOG = 2
MOST_LAYOUTS = 200


class Courier:
    """A thread of its own, so that a slow hub never delays a measurement."""

    def __init__(
        self, hub: Hub, spool: Spool, heard: Callable[[dict[str, Any]], None], desk: Desk | None = None
    ) -> None:
        self.hub = hub
        self.spool = spool
        self.heard = heard
        self.desk = desk or Desk({})
        self.interval = 10.0
        self.past_at = 0.0
        self.trouble = ""
        self.away_since: float | None = None
        self.acked_at: float | None = None
        self.known: set[str] = set()
        self.current: Batch | None = None
        self.failures = 0
        self.bell = threading.Event()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="courier", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the hub takes what we send as it comes; rows of other times go out many together."""
        return not self.failures and self.spool.waiting() <= LIVE_BACKLOG

    def start(self) -> None:
        self.thread.start()

    def ring(self) -> None:
        """There is a new row."""
        self.bell.set()

    def stop(self, within: float) -> None:
        self.stopping.set()
        self.bell.set()
        self.hub.abort()
        self.thread.join(within)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.bell.clear()
            pause = self.step()
            # While the hub is away a new row is no reason to knock again.
            (self.stopping if self.failures and pause is not None else self.bell).wait(pause)

    def step(self) -> float | None:
        """Send one batch; answers the seconds to rest, None for until there is a new row."""
        batch: Batch | None = None
        try:
            batch = self.current = self.current or self._next()
            if batch is None:
                rest = self.past_at - time.monotonic()
                return rest if rest > 0 and self.spool.waiting() else None
            return self._judge(batch, self.hub.post(INGEST, self._document(batch)))
        except Unreachable as trouble:
            self._failed(str(trouble))
            return self._backoff()
        except Exception as error:  # noqa: BLE001 - this thread must never end: rows would pile up unseen
            self._failed(f"A report could not be sent: {type(error).__name__}: {error}")
            return self._backoff()

    def _next(self) -> Batch | None:
        batch = self.spool.take(past=time.monotonic() >= self.past_at)
        done = self.desk.to_tell() if batch else []
        if batch and done:
            # From its first sending on: what is added to a repeated batch would not be read.
            batch.extras = {**batch.extras, "done": done}
        return batch

    def _document(self, batch: Batch) -> dict[str, Any]:
        document: dict[str, Any] = {"agent": VERSION, "boot": batch.boot, "seq": batch.seq, "layout": batch.layout}
        if batch.layout not in self.known:
            document["columns"] = batch.columns
        document["rows"] = batch.rows
        document.update(batch.extras)
        return document

    def _judge(self, batch: Batch, answer: Answer) -> float | None:
        status = answer.status
        if 200 <= status < 300 and answer.document.get("ack") == batch.seq:
            return self._accepted(batch, answer)
        if status == 409 and answer.document.get("error") == "unknown_layout" and batch.layout in self.known:
            self.known.discard(batch.layout)
            return 0.0
        if status in (400, 413, 415, 422) and answer.document.get("error") in FOR_GOOD:
            return self._refused(batch, answer)
        if status in (401, 403):
            self._failed(f"The hub does not accept this agent's key: {answer.detail} Rows are kept meanwhile.")
            return SLOW * between(0.8, 1.2)
        if status < 300:
            self._failed(f"{self.hub.url} answered {status}, but not as a hub does. Is a proxy in between?")
        else:
            self._failed(f"The hub cannot take reports now ({status}): {answer.detail}")
        if answer.retry_after is None:
            return self._backoff()
        return min(max(answer.retry_after, 0.1), LONGEST_REST) * between(1.0, 1.3)

    def _accepted(self, batch: Batch, answer: Answer) -> float | None:
        if self.failures:
            say("hub", f"The hub answers again; {self.spool.waiting()} rows are on their way.")
        returned, self.failures, self.trouble = bool(self.failures), 0, ""
        self.away_since, self.acked_at = None, time.time()
        if len(self.known) >= MOST_LAYOUTS:
            self.known.clear()  # their columns go once more
        self.known.add(batch.layout)
        self.spool.settle(batch)
        self.current = None
        self.desk.heard(batch.extras.get("done", []))
        self._complain(answer.document.get("refused") or [])
        self.heard(answer.document)
        self.desk.take(answer.document.get("orders"), answer.at)
        return self._until_past(len(batch.rows), anew=returned)

    def _until_past(self, rows: int, *, anew: bool) -> float | None:
        """When the next post of the past may go out; the present interrupts and does not delay it."""
        waiting = self.spool.waiting()
        if not waiting:
            return None
        now = time.monotonic()
        if anew or now >= self.past_at:
            slow = min(PACE[1], max(PACE[0], SHARE * self.interval)) * between(0.6, 0.9)
            if not anew:
                slow *= min(1.0, 2 * rows / MOST_ROWS)  # rows that have an identity each go out one by one
            self.past_at = now + (between(*SOON) if waiting <= MOST_ROWS else slow)
        return self.past_at - now

    def _refused(self, batch: Batch, answer: Answer) -> float:
        """It will be no better the next time, and must not stand before all the others."""
        self.failures = 0
        self.current = None
        if answer.status == 413 and len(batch.rows) > 1:
            say("hub", f"The hub finds {len(batch.rows)} rows too large; they go out in smaller parts.")
            self.spool.halve(batch)
            return 0.0
        say("hub", f"The hub refused a report for good: {answer.detail}")
        self.spool.refused(batch)
        return 0.0

    def _complain(self, refused: list[dict[str, Any]]) -> None:
        if not refused:
            return
        first = refused[0]
        text = f"The hub refused {len(refused)} values, the first of them {first.get('column')}: {first.get('error')}"
        if "future" in str(first.get("error")):
            text += " Is this machine's clock right?"
        say("refused", text)

    def _failed(self, text: str) -> None:
        self.failures += 1
        self.trouble = text
        if self.away_since is None:
            self.away_since = time.monotonic()
        say("hub", text)

    def _backoff(self) -> float:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * float(1 << min(self.failures - 1, 10)))
        return longest * between(0.5, 1.0)
