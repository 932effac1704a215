"""Results as series: what each check puts into the store, through the inside door."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

from checks.models import Check
from core.clock import milliseconds
from core.errors import Failure
from metrics.services import Found, TooManySeries, put_all

log = logging.getLogger(__name__)

WAIT = 5.0
PARTS = ("name", "connect", "tls", "first_byte", "body")
PART_METRIC = "check_response_part_seconds"
OVER = 366 * 86_400.0
NAN = math.nan


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of one result; NaN for what was not measured."""

    check: Check
    at: int
    up: float
    seconds: float = NAN
    error_percent: float = NAN
    certificate: float = NAN
    parts: tuple[float, ...] = ()


def columns(check: Check) -> tuple[str, ...]:
    """Always the same for a kind, so that a check is one layout."""
    found = [check.column("check_up"), check.column("check_response_seconds")]
    if check.kind == "heartbeat":
        return tuple(found)
    found += [check.column("check_error_percent")]
    if check.kind == "http":
        found += [check.column("check_certificate_seconds_left")]
        found += [check.column(PART_METRIC, part=part) for part in PARTS]
    return tuple(found)


def values(sample: Sample) -> list[float]:
    found = [sample.up, sample.seconds]
    if sample.check.kind == "heartbeat":
        return found
    found += [sample.error_percent]
    if sample.check.kind == "http":
        found += [sample.certificate, *(sample.parts or (NAN,) * len(PARTS))]
    return found


def store(samples: Iterable[Sample]) -> bool:
    """Put them into the store and wait for it; what cannot be stored is time of which nothing is known."""
    found = [Found(one.check.server_id, columns(one.check), [one.at], [values(one)]) for one in samples]
    try:
        put_all(found, wait=WAIT)
    except (TooManySeries, Failure, TimeoutError) as fault:
        log.warning("%d results of checks could not be stored: %s", len(found), fault or type(fault).__name__)
        return False
    return True


def clear(check: Check) -> None:
    """The last word of one that is gone from a machine which stays: a rule would wait for its next sample."""
    store([Sample(check, milliseconds(), 1.0, NAN, 0.0, OVER if check.kind == "http" else NAN)])
