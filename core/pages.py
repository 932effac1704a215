"""What every page that is rendered here begins with."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """For whoever is signed in; looked at, or sent."""
    return login_required(require_http_methods(["GET", "HEAD", "POST"])(view))
