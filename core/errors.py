"""Errors as people and machines read them: a code and one sentence that says what to do."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404
from django.utils.translation import ngettext
from rest_framework import exceptions
from rest_framework.response import Response

log = logging.getLogger(__name__)


class Failure(Exception):
    """Something we refuse, with the answer it gets."""

    status = 400
    code = "bad_request"

    def __init__(self, detail: str, *, code: str | None = None, status: int | None = None, retry: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.status = status or self.status
        self.retry = retry

    def body(self) -> dict[str, str]:
        return {"error": self.code, "detail": self.detail}


class Unauthorized(Failure):
    status = 401
    code = "unauthorized"


class Conflict(Failure):
    status = 409
    code = "conflict"


class Busy(Failure):
    """We cannot take it now; senders keep it and come back."""

    status = 503
    code = "busy"


def answer(error: Exception, _context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error in the one shape of the contract."""
    from rest_framework.views import set_rollback  # noqa: PLC0415 - it loads our doors, which raise what stands here

    if isinstance(error, Failure):
        response = Response(error.body(), status=error.status)
        if error.retry:
            response["Retry-After"] = str(error.retry)
    elif isinstance(error, Http404 | exceptions.NotFound):
        response = _plain("not_found", "There is nothing at this address that you may see.", 404)
    elif isinstance(error, PermissionDenied):
        response = _plain("forbidden", "Your role does not allow this. Ask an admin of the team.", 403)
    elif isinstance(error, exceptions.APIException):
        response = _from_rest(error)
    elif isinstance(error, DatabaseError):
        log.error("The database did not answer: %s", error)
        response = _plain("busy", "The database does not answer now (is its disk full?). Try again in a moment.", 503)
        response["Retry-After"] = "5"
    else:
        return None
    set_rollback()
    return response


def _plain(code: str, detail: str, status: int) -> Response:
    return Response({"error": code, "detail": detail}, status=status)


def _from_rest(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        response = _plain("invalid", _sentence(error.detail), error.status_code)
        response.data["fields"] = error.detail
    else:
        codes = error.get_codes()
        response = _plain(codes if isinstance(codes, str) else "error", str(error.detail), error.status_code)
    header = getattr(error, "auth_header", None)
    if header:
        response["WWW-Authenticate"] = header
    wait: float | None = getattr(error, "wait", None)  # of a throttled request
    if wait:
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _sentence(detail: Any) -> str:
    """The first fault, and how many more fields have one; the whole list stands under `fields`."""
    first, more = _first_sentence(detail), _faulty(detail) - 1
    if more < 1:
        return first
    text = ngettext("%(first)s … and 1 more field.", "%(first)s … and %(more)d more fields.", more)
    return text % {"first": first.rstrip("."), "more": more}


def _first_sentence(detail: Any, field: str = "") -> str:
    if isinstance(detail, dict) and detail:
        name, inner = next(iter(detail.items()))
        return _first_sentence(inner, "" if name == "non_field_errors" else str(name))
    if isinstance(detail, list) and detail:
        return _first_sentence(next((item for item in detail if item), ""), field)
    return f"{field}: {detail}" if field else str(detail)


def _faulty(detail: Any) -> int:
    """How many fields have a fault; several faults of one field count once."""
    if isinstance(detail, dict):
        return sum(map(_faulty, detail.values()))
    if isinstance(detail, list):
        inside = [item for item in detail if isinstance(item, dict | list)]
        return sum(map(_faulty, inside)) if inside else min(1, len(detail))
    return 1
