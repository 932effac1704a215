"""Each request says over what it comes and from where, for whatever it writes into the trail."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import devices, refusals, taken
from accounts.entering import DEVICE_OF
from accounts.limits import Limited
from accounts.trail import over

WAYS = (("/admin/", "admin"), ("/api/", "api"))


class Trail:
    """Holds the origin of a request while it is answered, notes refusals, and marks answers to who must wait."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        way = next((name for start, name in WAYS if request.path.startswith(start)), "page")
        with over(way, _address(request)):
            response = self.get_response(request)
            refusals.note(request, response)
            taken.note(request, response)
        if isinstance(limited := getattr(request, "limited", None), Limited):
            response.status_code = 429
            response["Retry-After"] = str(limited.seconds)
        if email := request.META.get(DEVICE_OF):
            devices.remember(request, response, str(email))
        return response


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", "")).partition("%")[0]))
    except ValueError:
        return None
