"""Short letters to one person about their own account; no answer waits for the mail server."""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.core.mail import EmailMessage

log = logging.getLogger(__name__)

WAITS = (0, 5, 30)
MOST_AT_ONCE = 20
_room = threading.BoundedSemaphore(MOST_AT_ONCE)


def ready() -> bool:
    """Whether a mail server is set up at all."""
    return bool(settings.EMAIL_HOST)


def send(to: str, subject: str, text: str) -> None:
    """Hand one letter over; whoever asked is answered at once, and in the same time whether or not there is one."""
    letter = EmailMessage(" ".join(subject.split()), text.strip() + "\n", to=[to])
    if not _room.acquire(blocking=False):
        log.warning("A letter was dropped: %d others wait for the mail server.", MOST_AT_ONCE)
        return
    threading.Thread(target=_carry, args=[letter], name="letter", daemon=True).start()


def _carry(letter: EmailMessage) -> None:
    try:
        for wait in WAITS:
            time.sleep(wait)
            if _sent(letter):
                return
    finally:
        _room.release()


def _sent(letter: EmailMessage) -> bool:
    try:
        letter.send()
    except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors
        log.warning("The mail server did not take a letter: %s", error)
        return False
    return True
