"""What is said of alerts, as other apps read it: in the reader's language where that is known."""

from __future__ import annotations

from alerts.messages import again, title, translated

__all__ = ["again", "title", "translated"]
