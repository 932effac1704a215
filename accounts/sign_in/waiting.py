"""Who tried too often: the middleware of the trail gives the answer its status."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.limits import Limited


def told(request: HttpRequest, found: Limited) -> str:
    """The sentence for the page; status 429 and Retry-After follow by themselves."""
    request.limited = found  # type: ignore[attr-defined]
    return found.sentence()
