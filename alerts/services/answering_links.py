"""Links that acknowledge as one person, for one incident, for a day: signed, so nothing of them is stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing

from accounts.base import ACT
from accounts.models import User
from alerts.models import Incident
from core import clock

LASTS = 24 * 3600
LONGEST = 400
_signer = signing.Signer(salt="watchkeeper acknowledge", sep=".")


def link(incident: Incident, user: User, now: datetime | None = None) -> str:
    """The page with one button; empty for a person who may not acknowledge."""
    made = token(incident, user, now)
    return f"{settings.SITE_URL}/acknowledge/{made}/" if made else ""


def token(incident: Incident, user: User, now: datetime | None = None) -> str:
    if not may_answer(user, incident):
        return ""
    until = int((now or clock.now()).timestamp()) + LASTS
    return _signer.sign_object([incident.uuid.hex, user.uuid.hex, until, _print(user)])


def read(token: str, now: datetime | None = None) -> tuple[Incident, User] | None:
    """Whom it speaks for and of what; nothing once it is old, or the person may not any more."""
    if len(token) > LONGEST:
        return None
    try:
        incident_id, user_id, until, print_ = _signer.unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    if (now or clock.now()).timestamp() > until:
        return None
    user = User.objects.filter(uuid=UUID(user_id), is_active=True).first()
    if user is None or print_ != _print(user):
        return None
    # Called by what this person may see of it.
    mine = Incident.objects.visible_to(user, ACT).select_related("team", "acknowledged_by")
    incident = mine.filter(uuid=UUID(incident_id)).first()
    return None if incident is None else (incident, user)


def may_answer(user: User, incident: Incident) -> bool:
    """Asked anew each time: roles end, and some reach only a part of a team's servers."""
    return Incident.objects.visible_to(user, ACT).filter(pk=incident.pk).exists()


def _print(user: User) -> str:
    """Changes with the password: whoever was locked out by a new one has no link that still works."""
    return user.get_session_auth_hash()[:12]
