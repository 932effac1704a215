"""Whether mail goes out: where it is set, and a test to the person who asks."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from accounts.models import Audit, User
from accounts.services import audit
from core.clock import now
from core.errors import Failure

TEST = "mail.test"
REST = timedelta(seconds=10)


def way() -> str:
    """The server that mail goes through, without its password; empty where none is set."""
    parts = urlsplit(settings.ENV.email_url)
    return f"{parts.hostname}:{settings.EMAIL_PORT}" if parts.hostname else ""


def works() -> Audit | None:
    """The last test that went well."""
    return Audit.objects.filter(action=TEST, after__ok=True).order_by("-at").first()


def test(user: User) -> None:
    """Send one to this person; a sentence says why it did not go."""
    if Audit.objects.filter(action=TEST, user=user, at__gt=now() - REST).exists():
        raise Failure(_("One was sent just now. Wait a few seconds."))
    if not way():
        raise Failure(_("No mail server is set. Set EMAIL_URL and start Watchkeeper again."))
    text = _("Mail from Watchkeeper at %(url)s reaches you.") % {"url": settings.SITE_URL}
    fault = ""
    try:
        EmailMessage(_("Watchkeeper: a test"), text, to=[user.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        fault = " ".join(str(error).split())[:200] or error.__class__.__name__
    audit(user, TEST, user, after={"ok": not fault})
    if fault:
        said = _("%(way)s did not take it: %(fault)s") % {"way": way(), "fault": fault}
        raise Failure(said)
