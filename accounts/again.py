"""Before a sensitive act the person shows once more who they are; it holds for five minutes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


def required(view: View) -> View:
    """The page asks for the password or a code when the last time was longer ago, then goes on to the view."""
    guarded: View = reauthentication_required(app="allauth.account")(view)

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return guarded(request, *args, **kwargs)

    return inner
