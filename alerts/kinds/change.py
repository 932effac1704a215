"""How far a value moved within a window."""

from __future__ import annotations

from typing import Annotated

import msgspec

from alerts.kinds.base import Kind, registry


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """Seconds to look back, and whether limits are per cent of the value then."""

    window: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 600
    percent: bool = False
    at_least: int = 1


class Changing(Kind):
    title = "Change"
    params = Params


registry.register("change")(Changing())
