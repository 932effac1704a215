"""What the hub wants of this machine: heard at once by a long poll or with any answer, done once, told once."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Optional

from watchkeeper_agent import VERSION
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.jitter import between
from watchkeeper_agent.post import Answer, Hub, Unreachable

WAIT = 55.0
PATH = f"/api/v1/orders?wait={WAIT:.0f}"
PATIENCE = WAIT + 20.0  # a hub that does not answer within this is away
QUICK = 5.0  # an answer sooner than this was not held open
LONGEST_PAUSE = 60.0
UNKNOWN_DOOR, REFUSED = 600.0, 120.0  # a hub of before this door; a key that is revoked
MOST_KEPT, LONGEST_ID = 200, 100
TRY_AGAIN = 60.0  # an order that could not be done just now is done when the hub still wants it after this

# What is done gets its arguments and the seconds left; it answers what to tell, or None for nothing to tell.
Kind = Callable[[dict[str, Any], Optional[float]], Optional[str]]


class NotNow(Trouble):
    """It could not be done just now: no answer is given, and what stands is tried again."""


class Desk:
    """Each order is done once, whichever way it came and however often; what became of it is kept until heard."""

    def __init__(self, kinds: dict[str, Kind]) -> None:
        self.kinds = kinds
        self.lock = threading.Lock()
        self.seen: dict[str, Any] = {}
        self.later: dict[str, float] = {}
        self.finished: dict[str, dict[str, Any]] = {}
        self.pending: dict[str, dict[str, Any]] = {}

    def take(self, orders: Any, at: float | None) -> bool:
        """Do what is new; `at` is the hub's clock, by which `until` is meant. Answers whether anything was new."""
        new = False
        for order in orders if isinstance(orders, list) else []:
            if isinstance(order, dict) and len(str(order.get("id"))) <= LONGEST_ID and self._is_new(order):
                new = True
                self._do(order, time.time() if at is None else at)
        return new

    def _is_new(self, order: dict[str, Any]) -> bool:
        name, until = str(order.get("id")), order.get("until")
        with self.lock:
            if name in self.later and time.monotonic() < self.later[name]:
                return False
            if self.later.pop(name, None) is None and name in self.seen and self.seen[name] == until:
                if name in self.finished:  # the hub has not heard
                    self.pending.setdefault(name, self.finished[name])
                return False
            renewed = name in self.seen and name not in self.finished
            self.seen[name] = until
            while len(self.seen) > MOST_KEPT:
                oldest = next(iter(self.seen))
                del self.seen[oldest]
                self.finished.pop(oldest, None)
                self.pending.pop(oldest, None)
                self.later.pop(oldest, None)
            return renewed or name not in self.finished

    def _do(self, order: dict[str, Any], at: float) -> None:
        kind, until, arguments = order.get("kind"), order.get("until"), order.get("args")
        try:
            left = float(until) - at if isinstance(until, (int, float)) else None
            text = self._kind(kind, left)(arguments if isinstance(arguments, dict) else {}, left)
        except NotNow as trouble:
            say("orders", f"{trouble} It is tried again in a minute.")
            with self.lock:
                self.later[str(order.get("id"))] = time.monotonic() + TRY_AGAIN
        except Trouble as trouble:
            self._finish(order, ok=False, text=str(trouble))
        except Exception as error:  # noqa: BLE001 - an order must never end the thread that carries rows
            self._finish(order, ok=False, text=f"It failed here: {type(error).__name__}.")
        else:
            if text is not None:
                self._finish(order, ok=True, text=text)

    def _kind(self, kind: Any, left: float | None) -> Kind:
        if not isinstance(kind, str) or kind not in self.kinds:
            raise Trouble(f"This agent ({VERSION}) does not know orders of kind {str(kind)[:40]}.")
        if left is not None and left <= 0:
            raise Trouble("The order came after its time.")
        return self.kinds[kind]

    def _finish(self, order: dict[str, Any], *, ok: bool, text: str) -> None:
        name = str(order.get("id"))
        with self.lock:
            self.pending[name] = self.finished[name] = {"id": order.get("id"), "ok": ok, "text": text}

    def to_tell(self) -> list[dict[str, Any]]:
        with self.lock:
            return list(self.pending.values())

    def heard(self, done: list[dict[str, Any]]) -> None:
        """The hub has these."""
        with self.lock:
            for one in done:
                self.pending.pop(str(one.get("id")), None)


class Ear:
    """A connection of its own that the hub holds open until it wants something; until then it costs nothing."""

    def __init__(self, hub: Hub, desk: Desk) -> None:
        self.hub = hub
        self.desk = desk
        self.failures = 0
        self.idle = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="orders", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self, within: float) -> None:
        self.stopping.set()
        self.hub.abort()
        self.thread.join(within)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.stopping.wait(self.step())

    def step(self) -> float:
        """Listen once; answers the seconds to rest before the next time."""
        began = time.monotonic()
        try:
            answer = self.hub.get(PATH)
        except Unreachable:
            return self._backoff()  # the courier says what is wrong
        except Exception as error:  # noqa: BLE001 - this thread must go on as well
            say("orders", f"Orders could not be heard: {type(error).__name__}: {error}")
            return self._backoff()
        return self._judge(answer, time.monotonic() - began)

    def _judge(self, answer: Answer, taken: float) -> float:
        if answer.status == 200 and isinstance(answer.document.get("orders"), list):
            self.failures = 0
            if self.desk.take(answer.document["orders"], answer.at) or taken >= QUICK:
                self.idle = 0
                return between(0.0, 0.2)
            self.idle += 1
            return _growing(self.idle)
        if answer.status in (404, 405, 501):
            return UNKNOWN_DOOR * between(0.8, 1.2)
        if answer.status in (401, 403):
            return REFUSED * between(0.8, 1.2)
        if answer.retry_after is None:
            return self._backoff()
        return min(max(answer.retry_after, 1.0), 3600.0) * between(1.0, 1.5)

    def _backoff(self) -> float:
        self.failures += 1
        return _growing(self.failures)


def _growing(times: int) -> float:
    return min(LONGEST_PAUSE, float(1 << min(times, 10))) * between(0.5, 1.0)
