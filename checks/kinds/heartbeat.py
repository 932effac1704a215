"""A heartbeat: a job tells that it ran; what is looked for is the signal that does not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks import beats
from checks.kinds.base import Kind, read, registry


class Heartbeat(Kind):
    title = "Heartbeat"
    config = beats.Config
    looks = False

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        beats.check(read(beats.Config, config))


registry.register("heartbeat")(Heartbeat())
