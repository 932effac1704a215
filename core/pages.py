"""What every page that is rendered here begins with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from core import guard

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """For whoever is signed in; looked at, or sent."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        guard.trust(request.META)
        return view(request, *args, **kwargs)

    return login_required(require_http_methods(["GET", "HEAD", "POST"])(inner))
