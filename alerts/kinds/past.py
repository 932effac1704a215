"""A value against what was usual at this time of day on the days, or in the weeks, before."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from alerts.kinds.base import Kind, registry


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """`day`: the last 7 days; `week`: this weekday of the last 4 weeks; seconds around the same time of day."""

    against: Literal["day", "week"] = "week"
    window: Annotated[int, msgspec.Meta(ge=300, le=21_600)] = 1800
    percent: bool = True
    at_least: int = 1


class OwnPast(Kind):
    title = "Own past"
    params = Params


registry.register("past")(OwnPast())
