"""A heartbeat: a job tells that it ran; what is looked for is the signal that does not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks import beats
from checks.kinds.base import Kind, read, registry
from checks.wrong import Wrong


class Heartbeat(Kind):
    title = "Heartbeat"
    config = beats.Config
    looks = False

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        found = read(beats.Config, config)
        if "period" not in config and not found.cron:
            raise Wrong("period", "Say when its signals should come: as period in seconds, or as cron with zone.")
        beats.check(found)


registry.register("heartbeat")(Heartbeat())
