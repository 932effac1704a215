"""The one who sends what is due on one channel: alone, or a few at a time where the kind allows it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext, suppress
from queue import Empty, SimpleQueue

from django.db import OperationalError, connection, connections, transaction

from alerts import messages
from alerts.channels.base import DeliveryError, Kind, Message, Sent
from alerts.delivery import breaker, kinds, outcome, storm
from alerts.delivery.claiming import claim, release
from alerts.models import Channel, Delivery
from core.clock import now

log = logging.getLogger(__name__)

IDLE = 10.0
ROUNDS = 8  # of sends in one claim
BEGUN = 10.0  # seconds: what is claimed and not begun by then is given back, well within its lease
TRIES = 3  # of writing down what was answered, while the database is locked
_writing = threading.Lock()
Letter = tuple[Delivery, Message]


class Courier(threading.Thread):
    """Sends until nothing is due; goes when nothing came for a while."""

    def __init__(self, channel: int, careful_until: float = 0.0) -> None:
        super().__init__(name=f"courier-{channel}", daemon=True)
        self.channel = channel
        self.careful_until = careful_until
        self.event = threading.Event()
        self.stopping = False
        self.leaving = threading.Lock()
        self.gone = False

    def ask(self) -> bool:
        """Look again; false where it is gone already and another must."""
        with self.leaving:
            self.event.set()
            return not self.gone

    def run(self) -> None:
        try:
            while self._waited():
                while not self.stopping and deliver_due(self.channel, at_once=self._at_once()):
                    pass
        except Exception:
            log.exception("Courier of channel %d failed; the next sweep starts another", self.channel)
        finally:
            self.gone = True
            connections.close_all()

    def _at_once(self) -> bool:
        """One by one for a while after the start: what killed the process before may kill this one soon."""
        return time.monotonic() > self.careful_until

    def _waited(self) -> bool:
        self.event.wait(IDLE)
        with self.leaving:
            self.gone = self.stopping or not self.event.is_set()
            self.event.clear()
            return not self.gone


def deliver_due(channel: int, *, at_once: bool = True) -> bool:
    """Claim and send what is due on a channel; false when there is nothing, or nothing may go now."""
    at = now()
    row = Channel.objects.filter(pk=channel).first()
    if row is None or (row.resting_until is not None and row.resting_until > at):
        return False
    kind = kinds.of(row)
    parallel = kind.parallel if kind and at_once and not breaker.on_probation(row) else 1
    with _turn():
        batch = claim(channel, at, _most(row, parallel))
    if not batch:
        return False
    for one in batch:
        one.channel = row  # the same for all: what one meets with counts for the next
    try:
        sender = _sender(row)
    except DeliveryError as error:
        for delivery in batch:
            outcome.failed(delivery, error, now())
        return True
    letters = _letters(batch)
    if parallel > 1 and len(letters) > 1:
        _at_once(sender, letters, parallel)
        return True
    for delivery, message in letters:
        _write([(delivery, _tried(sender, delivery, message))])
    return True


def _sender(channel: Channel) -> Kind:
    """What waits on a channel that was given up meanwhile goes the other way, or is seen as a dead letter."""
    if channel.removed_at is not None:
        raise DeliveryError(f"The channel {channel} was removed.", permanent=True)
    if not channel.enabled:
        raise DeliveryError(f"The channel {channel} is switched off.", permanent=True)
    return kinds.sender(channel)


def _most(channel: Channel, parallel: int) -> int:
    """How many to take: one alone is taken alone, and no more than there is room for before a digest."""
    at = now()
    most = parallel * ROUNDS if parallel > 1 else 1
    room = storm.room(channel, at)
    if room == 0:
        storm.fold(channel, at)
    return min(most, room) if room else most


def _letters(batch: list[Delivery]) -> list[Letter]:
    try:
        known = messages.gather(one for one in batch if one.notice.kind != storm.KIND)
    except Exception:
        # One of them may be the cause: each is read alone.
        log.exception("Deliveries could not be read together")
        known = {}
    letters = (_letter(one, known.get(one.notice_id)) for one in batch)
    return [letter for letter in letters if letter is not None]


def _letter(delivery: Delivery, known: messages.Matter | None) -> Letter | None:
    """What is sent; a fault of ours in one must neither stop the others nor lose it."""
    try:
        if delivery.notice.kind == storm.KIND and not storm.close(delivery):
            return None
        message = messages.compose(delivery, found=known)
        _add_thread(delivery, message)
    except Exception as error:
        log.exception("Delivery %s could not be written", delivery.uuid)
        outcome.failed(delivery, DeliveryError(f"Watchkeeper could not write it: {error}"), now())
        return None
    return delivery, message


def _add_thread(delivery: Delivery, message: Message) -> None:
    """Where it belongs at the provider's, and by what code it may be answered."""
    incident = delivery.notice.incident
    message.ended = message.event == "resolved" and incident.resolved_at is not None
    kind = kinds.of(delivery.channel)
    if kind is not None and kind.answered:
        message.code = f"{incident.pk % 10_000:04d}"
    if kind is not None and kind.threads:
        told = Delivery.objects.filter(
            notice__incident=incident, channel=delivery.channel_id, recipient=delivery.recipient, state="sent"
        ).exclude(reference="")
        message.thread = told.order_by("pk").values_list("reference", flat=True).first() or ""


Result = Callable[[], Sent]
Answered = tuple[Delivery, Result]


def _at_once(sender: Kind, letters: list[Letter], parallel: int) -> None:
    """A few under way at the same time; marking stays with this thread, which alone talks to the database."""
    ahead, answered = deque(letters), SimpleQueue[Answered]()
    free = threading.Semaphore(parallel)  # of what is not written down yet: a power cut repeats no more than that
    for _ in range(min(parallel, len(letters))):
        # Daemons: a receiver that hangs must not hold up the end of the process.
        threading.Thread(target=_send_all, args=(sender, ahead, answered, free), daemon=True).start()
    left, began = len(letters), time.monotonic()
    try:
        while left:
            done, resting = _write([answered.get()], answered)
            left -= done
            if resting or time.monotonic() - began > BEGUN:
                left -= _give_back(ahead)
            free.release(done)
    finally:
        ahead.clear()  # what cannot be written down is not sent
        free.release(parallel)


def _send_all(sender: Kind, ahead: deque[Letter], answered: SimpleQueue[Answered], free: threading.Semaphore) -> None:
    while ahead:
        free.acquire()
        try:
            delivery, message = ahead.popleft()
        except IndexError:
            return
        answered.put((delivery, _tried(sender, delivery, message)))


def _tried(sender: Kind, delivery: Delivery, message: Message) -> Result:
    made: Future[Sent] = Future()
    try:
        made.set_result(sender.send(message, delivery.recipient))
    except Exception as error:  # noqa: BLE001 - raised again where it is counted
        made.set_exception(error)
    return made.result


def _give_back(ahead: deque[Letter]) -> int:
    """The channel rests, or is slow: what was not begun waits with the others."""
    back = []
    while ahead:
        try:
            back.append(ahead.popleft()[0])
        except IndexError:
            break
    release(back)
    return len(back)


def _turn() -> AbstractContextManager[object]:
    """SQLite's lock for writing is fair to nobody: couriers queue for it among themselves, or one may starve."""
    return _writing if connection.vendor == "sqlite" else nullcontext()


def _write(answers: list[Answered], more: SimpleQueue[Answered] | None = None) -> tuple[int, bool]:
    """Mark; what was sent and cannot be written down for a moment is not told again for that."""
    for _ in range(TRIES):
        with suppress(OperationalError), _turn():
            return _mark(answers, more)
    return _mark(answers, more)


@transaction.atomic
def _mark(answers: list[Answered], more: SimpleQueue[Answered] | None = None) -> tuple[int, bool]:
    """Write down what became of these, and of what was answered meanwhile; how many, and if the channel rests now.

    In one transaction: a power cut before it is why a receiver is told again.
    """
    with suppress(Empty):
        while more:
            answers.append(more.get_nowait())
    at, resting = now(), False
    taken: list[tuple[Delivery, Sent]] = []
    for delivery, result in answers:
        try:
            taken.append((delivery, result()))
            breaker.well(delivery.channel, at)
        except DeliveryError as error:
            resting = outcome.failed(delivery, error, at) or resting
        except Exception as error:
            # A fault of ours in one kind of channel must not stop the others, nor lose the notice.
            log.exception("Delivery %s failed", delivery.uuid)
            problem = DeliveryError(f"Watchkeeper could not send it: {error}")
            resting = outcome.failed(delivery, problem, at) or resting
    outcome.sent(taken, at)
    return len(answers), resting
