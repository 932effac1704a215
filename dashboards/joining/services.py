"""How far a new machine has come, told from what the hub itself has seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from core.clock import now
from dashboards import present
from dashboards.templatetags.times import age
from servers.install.services import ca_fingerprint
from servers.models import Enrolment, Server
from servers.services import Refusal, refusals


@dataclass(frozen=True)
class Cause:
    """Why nothing came, and what to run on the machine to know; `seen` where the hub knows it itself."""

    title: str
    text: str
    test: str = ""
    seen: bool = False


def progress(invitation: Enrolment, user: User) -> dict[str, Any]:
    """Waiting, enrolled, reporting or over; with the servers that came, and the likely causes where none did."""
    came = _came(invitation, user)
    shown = present.servers(came)
    reporting = [one for one in shown if one["seen"] is not None]
    over = invitation.revoked_at or invitation.expires_at < now()
    state = "reporting" if reporting else "enrolled" if came else "over" if over else "waiting"
    return {
        "now": now().timestamp(),
        "state": state,
        "servers": reporting,
        "ends": invitation.expires_at.timestamp(),
        "causes": [] if reporting else [vars(one) for one in causes(invitation, came)],
    }


def _came(invitation: Enrolment, user: User) -> list[Server]:
    if not invitation.used_at:
        return []
    mine = Server.objects.visible_to(user).select_related("team").filter(team=invitation.team)
    if invitation.reusable:
        return list(mine.filter(created_at__gte=invitation.created_at, demo=invitation.demo).order_by("-pk")[:20])
    return list(mine.filter(fingerprint=invitation.used_by))


def causes(invitation: Enrolment, came: list[Server]) -> list[Cause]:
    """The three likeliest; what was seen comes first."""
    found = [_refused(one) for one in refusals.of(invitation)[:1]]
    found += [_silent(one) for one in came[:1]]
    return [*found, *_unseen(enrolled=bool(came))][:3]


def _refused(tried: Refusal) -> Cause:
    who = _("%(name)s, from %(address)s, %(age)s ago") % {
        "name": tried.name, "address": tried.address, "age": age((now() - tried.at).total_seconds()),
    }  # fmt: skip
    title, text = {
        "name": (_("Another machine has this name"), _("Rename one of the two, or accept the new one on its page.")),
        "used": (_("The line was used already"), _("Each line is for one machine. Make a new one.")),
        "expired": (_("The line is too old"), _("Make a new one and paste it.")),
        "revoked": (_("The line was withdrawn"), _("Make a new one and paste it.")),
    }.get(tried.why, (_("The line was cut or changed"), _("Copy it whole and paste it again.")))
    return Cause(title, f"{_('Refused')}: {who}. {text}", seen=True)


def _silent(server: Server) -> Cause:
    text = _("%(name)s enrolled, but no report has come. Its service does not run, or its clock is far off.")
    test = "systemctl status watchkeeper-agent; journalctl -u watchkeeper-agent -n 20; date -u"
    return Cause(_("It enrolled and is silent"), text % {"name": server.name}, test, seen=True)


def _unseen(*, enrolled: bool) -> list[Cause]:
    url = settings.SITE_URL.rstrip("/")
    clock = Cause(
        _("Its clock is far off"),
        _("Here it is %(time)s UTC. More than ten minutes apart, reports are refused.") % {"time": _utc(now())},
        "date -u",
    )
    if enrolled:
        return [clock]
    reach = Cause(
        _("It cannot reach this address"),
        _("The answer must be “ok”. A firewall between the two is the usual reason."),
        f"curl -sk {url}/healthz",
    )
    return [reach, _certificate(url), clock]


def _certificate(url: str) -> Cause:
    host = urlsplit(url)
    fingerprint = ca_fingerprint()
    if fingerprint is None:
        text = _("The line needs Python 3.9 or newer on the machine.")
        return Cause(_("Python is missing or old"), text, "python3 --version")
    pairs = ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    text = _("Something between the two shows its own certificate. The fingerprint must be %(print)s.")
    test = f"curl -sk {host.scheme}://{host.netloc}/agent/ca.pem | openssl x509 -noout -fingerprint -sha256"
    return Cause(_("It sees another certificate"), text % {"print": pairs}, test)


def _utc(at: datetime) -> str:
    return at.strftime("%H:%M:%S")
