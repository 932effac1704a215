"""The first steps, their state computed from what is there; a person may put them away."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.auth import me
from accounts.base import MANAGE
from accounts.models import Audit, Invitation, Membership, Team, User
from accounts.services import audit
from alerts.models import Channel
from core.clock import now
from core.errors import Failure
from monitor.demo import own
from monitor.pages import mail
from servers.models import Server

SIZE = 12
PUT_AWAY = "welcome"
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Step:
    """What is to be done, why, whether it is done, and the way to do it."""

    name: str
    title: str
    text: str
    done: bool
    url: str = ""
    act: str = ""


@login_required
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    user = me(request)
    if request.method == "POST":
        return _do(request, user, request.POST.get("do", ""))
    steps = steps_of(user)
    demo = Server.objects.visible_to(user).filter(demo=True).count()
    context = {
        "page": "welcome", "steps": steps, "left": sum(not step.done for step in steps),
        "next": next((step for step in steps if not step.done), None), "demo": demo, "size": SIZE,
        "may_demo": _may_demo(user) and not demo, "manages": Team.objects.visible_to(user, MANAGE).exists(),
    }  # fmt: skip
    return render(request, "welcome.html", context)


def steps_of(user: User) -> list[Step]:
    """All for whoever manages a team; their own for the others."""
    own_steps = [_password(user)]
    if not Team.objects.visible_to(user, MANAGE).exists():
        return [*own_steps, _told(user)]
    return [*own_steps, _server(user), _mail(), _told(user), _colleague(user)]


def _password(user: User) -> Step:
    given = user.email == settings.ENV.admin_email and not settings.ENV.admin_password
    changed = Audit.objects.filter(user=user, action="password.change").exists()
    text = _("The first one was shown once on a screen. Yours is known to nobody else.")
    url = "/accounts/password/change/"
    return Step("password", _("Choose your own password"), text, changed or not given, url, _("Change it"))


def _server(user: User) -> Step:
    mine = Server.objects.visible_to(user)
    done = mine.filter(demo=True).exists() or mine.filter(demo=False).count() > 1
    text = _("This machine is watched already. Add another by one line, or look around with simulated ones.")
    return Step("server", _("Add a server"), text, done, "/servers/add/", _("Add a server"))


def _mail() -> Step:
    way = mail.way()
    text = (
        _("It goes through %(way)s. Send one to yourself to be sure.") % {"way": way}
        if way
        else _(
            "Without it nobody is told by mail; invitations work by link. "
            "Set EMAIL_URL, then start Watchkeeper again."
        )
    )
    done = bool(way) and mail.works() is not None
    return Step("mail", _("See that mail goes out"), text, done, "" if way else "/settings/", _("How"))


def _told(user: User) -> Step:
    done = Channel.objects.visible_to(user).filter(enabled=True).exists()
    text = _("A channel such as mail, Slack or your phone. Without one, alerts are seen on the pages alone.")
    return Step("told", _("Say who is told"), text, done, "/channels/", _("Channels"))


def _colleague(user: User) -> Step:
    teams = Team.objects.visible_to(user, MANAGE)
    others = Membership.objects.visible_to(user).filter(team__in=teams).exclude(user=user)
    waiting = Invitation.objects.visible_to(user).filter(team__in=teams, revoked_at=None, expires_at__gt=now())
    team = teams.order_by("pk").first()
    text = _("Alerts that one person alone can answer wait while that person sleeps.")
    url = f"/teams/{team.uuid}/" if team else "/teams/"
    done = others.exists() or waiting.exists()
    return Step("colleague", _("Invite a colleague"), text, done, url, _("Invite"))


def _may_demo(user: User) -> bool:
    """It is enrolled into the first team, by the process that `up` started."""
    first = _first_team()
    return own.running is not None and first is not None and user.may(MANAGE, first)


def _first_team() -> Team | None:
    return Team.objects.order_by("pk").first()


def _do(request: HttpRequest, user: User, wanted: str) -> HttpResponse:
    if wanted == "put-away":
        answer = redirect("fleet")
        answer.set_cookie(PUT_AWAY, "done", max_age=YEAR, samesite="Lax", httponly=True, secure=settings.SECURE)
        return answer
    if wanted == "demo" and _may_demo(user) and own.running:
        own.running.begin(SIZE)
        audit(user, "demo.begin", _first_team(), after={"servers": SIZE})
        messages.success(request, _("The demo fleet is coming. Its servers appear within seconds."))
        return redirect("fleet")
    if wanted == "mail" and Team.objects.visible_to(user, MANAGE).exists():
        _send(request, user)
    return redirect("welcome")


def _send(request: HttpRequest, user: User) -> None:
    try:
        mail.test(user)
    except Failure as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, _("Sent to %(email)s.") % {"email": user.email})
