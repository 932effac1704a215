"""What coming in counts and leaves in the trail: tries are counted before they are judged, for all processes."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts import devices, limits
from accounts.models import User
from accounts.trail import audit, only_team

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.limits import Limited


DEVICE_OF = "watchkeeper.device_of"


@dataclass(frozen=True)
class _Named:
    """Something of the trail that is no row, or whose row tells too much."""

    name: str
    uuid: str = ""
    team_id: int | None = None

    def __str__(self) -> str:
        return self.name


def place_of(request: HttpRequest) -> str:
    """Where it comes from, as it is counted. Behind trusted proxies the server has put the client's address there."""
    return limits.place(str(request.META.get("REMOTE_ADDR", "")))


def named(email: str) -> str:
    """What was typed as an address, as it may be kept: some people type their password there."""
    # Folded as whoever looks the person up compares: letters that only look alike are no other address.
    email = unicodedata.normalize("NFKC", email).strip().casefold()
    if "@" in email:
        return email[:150]
    return f"no e-mail address ({hashlib.sha256(email.encode('utf-8', 'replace')).hexdigest()[:8]})"


def _subjects(request: HttpRequest, email: str) -> dict[str, str]:
    who = named(email)
    if mark := devices.known(request, email):
        return {"sign_in_device": f"{who} on device {mark[:6]}"}
    return {
        "sign_in_address": place_of(request),
        "sign_in": f"{who} from {place_of(request)}",
        "sign_in_account": who,
    }


def begin(request: HttpRequest, email: str) -> Limited | None:
    """Before a password is looked at."""
    return _count(_subjects(request, email))


def _count(subjects: dict[str, str]) -> Limited | None:
    """Count under all of them; who must wait under one counts under none."""
    if limited := limits.first_waiting(subjects):
        return limited
    for kind, subject in subjects.items():
        if limited := limits.count(kind, subject):
            return limited
    return None


def wrong(request: HttpRequest, email: str) -> None:
    """The password was wrong, or nobody has this address: both are written down alike."""
    audit(None, "sign_in.wrong", _whoever(User.objects.filter(email=named(email)).first(), email))


def proven(request: HttpRequest, user: User) -> None:
    """The password was right: their wrong tries count no more."""
    for kind, subject in _subjects(request, user.email).items():
        if kind in {"sign_in", "sign_in_device"}:
            limits.forget(kind, subject)
        else:
            limits.give_back(kind, subject)


def entered(request: HttpRequest, user: User, *, method: str = "password") -> None:
    """They have shown all that is asked for, the second factor included."""
    if "password" in method:  # else no try was counted that could be given back
        proven(request, user)
    limits.forget("second_factor", factor_subject(request, user))
    request.META[DEVICE_OF] = user.email  # the middleware sets the cookie, whoever makes the response
    audit(user, "sign_in", _as_target(user), after={"method": method})


def factor_subject(request: HttpRequest, user: User) -> str:
    mark = devices.known(request, user.email)
    return f"{user.email} on device {mark[:6]}" if mark else user.email


def second_factor(request: HttpRequest, user: User) -> Limited | None:
    """Before a code is looked at."""
    return limits.count("second_factor", factor_subject(request, user))


def wrong_factor(request: HttpRequest, user: User) -> None:
    audit(None, "second_factor.wrong", _as_target(user))


def left(request: HttpRequest, user: User) -> None:
    audit(user, "sign_out", _as_target(user))


def reset(request: HttpRequest, email: str) -> Limited | None:
    """Before a mail with a link is sent, whether or not there is somebody to send it to."""
    return _count({"reset_address": place_of(request), "reset": named(email)})


def asked_for_reset(user: User | None, email: str) -> None:
    """Written down for nobody as for somebody, or the time it takes would tell them apart."""
    audit(None, "password.ask", _whoever(user, email))


def wrong_invitation(request: HttpRequest) -> Limited | None:
    """Nobody holds this invitation."""
    return limits.count("invitation", place_of(request))


def _whoever(user: User | None, email: str) -> _Named:
    """Nobody is asked for like somebody: the time it takes must not tell them apart."""
    return _as_target(user or User(email=named(email), uuid=""))


def _as_target(user: User) -> _Named:
    return _Named(user.email, str(user.uuid), only_team(user.pk))
