"""What kinds compare that do not look at the value itself: how far it moved, how far it is from its past."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from alerts.engine import Ints
from alerts.kinds import change, past
from alerts.kinds.base import read
from alerts.models import Rule
from alerts.readings import AGO, Change, Past, Reading, over, slot_of, usual_of
from alerts.replay.reading import Halves
from alerts.replay.spans import STEP, Samples

SECOND = 1000


def reach(rule: Rule) -> int:
    """How much further back one must look than one judges."""
    if rule.kind == "change":
        return 2 * read(change.Params, rule.params).window * SECOND + STEP
    params = read(past.Params, rule.params)
    step, count = AGO[params.against]
    return step * count + params.window * SECOND


class Derived:
    """One series of such a rule."""

    def __init__(self, rule: Rule, times: Ints, means: Halves) -> None:
        self.rule, self.times, self.means = rule, times, means.astype(np.float64)
        self.usual: Callable[[int], float] | None = None
        if rule.kind == "past":
            params = read(past.Params, rule.params)
            found = usual_of(times, self.means, params.against, params.window * SECOND)
            of_slot = lru_cache(maxsize=None)(found)
            self.usual = lambda at: of_slot(slot_of(at))

    def reading(self) -> Reading:
        if self.usual is not None:
            return Past(self.usual, percent=read(past.Params, self.rule.params).percent)
        params = read(change.Params, self.rule.params)
        return Change(params.window * SECOND, percent=params.percent)

    def back(self, border: int) -> int:
        """From when on samples are needed to judge those behind the border."""
        return border if self.usual is not None else border - reach(self.rule)

    def over(self, samples: Samples, since: int) -> Samples:
        times, values = samples
        compared = over(self.reading(), times, values)
        return times[times >= since], compared[times >= since]

    def buckets(self, since: int, until: int) -> Samples:
        known = ~np.isnan(self.means)
        times, compared = self.over((self.times[known], self.means[known]), since)
        return times[times < until], compared[times < until]
