"""Silence: of a server by when we heard from it, or of a metric that it used to tell."""

from __future__ import annotations

from typing import Literal

import msgspec

from alerts.engine import Limits
from alerts.kinds.base import WHEN_TIME_PASSES, Kind, read, registry
from alerts.models import Rule

SILENCE = "silent_seconds"


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """How bad the silence is. `for` is how long it lasts before it is said; 0: a minute or 6 intervals."""

    severity: Literal["warn", "critical"] = "critical"
    at_least: int = 1


class NoData(Kind):
    title = "No data"
    params = Params
    limited = False
    when = WHEN_TIME_PASSES

    def limits(self, rule: Rule) -> Limits:
        """Against seconds of silence; when it is late and when it is down depends on the server's interval."""
        severity = read(Params, rule.params).severity
        return Limits(
            above=True,
            wait=rule.for_seconds * 1000,
            hold=rule.keep_firing_seconds * 1000,
            **{severity: float(rule.for_seconds)},
        )


registry.register("no_data")(NoData())
