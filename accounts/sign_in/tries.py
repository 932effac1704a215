"""Guessing: each try counts before it is judged, by person, by address, and by both together."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.limits import Limited, count, forget, give_back, place


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


@dataclass(frozen=True)
class Try:
    """One try to sign in; whoever was right gets it back."""

    subjects: tuple[tuple[str, str], ...]

    def count(self) -> Limited | None:
        for kind, subject in self.subjects:
            if limited := count(kind, subject):
                return limited
        return None

    def was_right(self) -> None:
        for kind, subject in self.subjects:
            if kind in {"sign_in", "second_factor"}:
                forget(kind, subject)
            else:
                give_back(kind, subject)


def sign_in(request: HttpRequest, email: str) -> Try:
    email, where = email.strip().lower(), place(address_of(request))
    return Try((("sign_in", f"{email} {where}"), ("sign_in_account", email), ("sign_in_address", where)))


def second_factor(user_id: int) -> Try:
    return Try((("second_factor", str(user_id)),))


def reset(request: HttpRequest, email: str) -> Limited | None:
    """A letter is a try whether or not it goes out."""
    return count("reset", email.strip().lower()) or count("reset_address", place(address_of(request)))


def invitation(request: HttpRequest) -> Limited | None:
    return count("invitation", place(address_of(request)))


def limited(request: HttpRequest, found: Limited) -> str:
    """Remember it for the answer's status, and say it."""
    request.limited = found  # type: ignore[attr-defined]
    return found.sentence()
