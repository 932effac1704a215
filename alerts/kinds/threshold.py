"""A value against limits."""

from __future__ import annotations

from typing import Literal

import msgspec

from alerts.kinds.base import Kind, registry


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """`per` divides the value by something of its server, such as the number of its processors."""

    per: Literal["", "cores"] = ""
    at_least: int = 1  # members of a group that must fire before it is told; read when it is told


class Threshold(Kind):
    title = "Threshold"
    params = Params


registry.register("threshold")(Threshold())
