"""What a rule would have told of the last weeks: by the engine that judges what comes in, over what was stored."""

from __future__ import annotations

from alerts.replay.preview import MOST_DAYS, Asked, Preview, preview

__all__ = ["MOST_DAYS", "Asked", "Preview", "preview"]
