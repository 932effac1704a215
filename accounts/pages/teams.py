"""Teams as pages: which there are, and of one its members, invitations, tokens and settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import mail, services
from accounts.auth import me
from accounts.base import LOOK, MANAGE
from accounts.models import Invitation, Membership, Team
from accounts.pages.base import show, team_of, tried
from accounts.pages.forms import InviteForm, MemberForm, NewTeamForm, TeamForm
from accounts.role_names import MAY, NAMES
from core.clock import now
from core.errors import Failure
from core.pages import page

Act = Callable[[HttpRequest, Team], HttpResponse]
M = TypeVar("M", bound=Model)


@page
def teams(request: HttpRequest) -> HttpResponse:
    """One's own; a site owner sees all and makes new ones."""
    owner = me(request).is_superuser
    form = NewTeamForm(request.POST or None) if owner else None
    if request.method == "POST":
        if form is None:
            raise Http404
        if form.is_valid():
            team = services.make_team(form.cleaned_data["name"], by=me(request))
            messages.success(request, _("The team is made. Invite its people."))
            return redirect("team", uuid=team.uuid)
    mine = dict(Membership.objects.visible_to(me(request)).filter(user=me(request)).values_list("team", "role"))
    rows = Team.objects.visible_to(me(request)).order_by("name")
    people = dict(rows.annotate(people=Count("memberships", distinct=True)).values_list("pk", "people"))
    shown = [{"team": row, "people": people[row.pk], "role": NAMES.get(mine.get(row.pk, ""), "")} for row in rows]
    return show(request, "teams", "teams", teams=shown, form=form)


@page
def team(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Members for everybody in it; the rest for those who manage all of it."""
    if request.method == "POST":
        wanted = request.POST.get("do", "")
        if wanted == "leave":
            return _leave(request, team_of(request, uuid, LOOK))
        found = team_of(request, uuid, MANAGE)
        return ACTS.get(wanted, _nothing)(request, found)
    return _shown(request, team_of(request, uuid))


def _shown(request: HttpRequest, found: Team, **forms: Any) -> HttpResponse:
    manages = Team.objects.visible_to(me(request), MANAGE).filter(pk=found.pk).exists()
    context: dict[str, Any] = {
        "team": found, "manages": manages, "members": _members(request, found), "roles": NAMES.items(),
        "may": [(NAMES[role], what) for role, what in MAY.items()],
    }  # fmt: skip
    if manages:
        tokens = services.tokens_of_members(me(request)).filter(user__memberships__team=found)
        context |= {
            "invitations": _invitations(request, found), "tokens": tokens.order_by("user__email", "name"),
            "invite": InviteForm(), "settings": TeamForm(instance=found), "mailed": mail.ready(), **forms,
        }  # fmt: skip
    return show(request, "team", "team", **context)


def _members(request: HttpRequest, found: Team) -> list[dict[str, Any]]:
    rows = (
        Membership.objects.visible_to(me(request)).filter(team=found).select_related("user").order_by("user__email")
    )
    return [
        {
            "row": row, "user": row.user, "role": NAMES[row.role], "me": row.user_id == me(request).pk,
            "form": MemberForm(initial={"role": row.role, "selector": row.selector}, prefix=f"m{row.pk}"),
        }
        for row in rows
    ]  # fmt: skip


def _invitations(request: HttpRequest, found: Team) -> list[dict[str, Any]]:
    """Those that wait or lapsed, until they are accepted or revoked."""
    rows = _open(request, found).select_related("by").order_by("-pk")
    return [{"row": row, "role": NAMES[row.role], "state": services.invitation_state(row, now())} for row in rows]


def _open(request: HttpRequest, found: Team) -> QuerySet[Invitation]:
    mine = Invitation.objects.visible_to(me(request), MANAGE)
    return mine.filter(team=found, accepted_at=None, revoked_at=None)


def _nothing(request: HttpRequest, found: Team) -> HttpResponse:
    return redirect("team", uuid=found.uuid)


def _invite(request: HttpRequest, found: Team) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _shown(request, found, invite=form)
    given = form.cleaned_data
    try:
        made = services.invite(found, given["email"], given["role"], given["selector"], by=me(request))
    except (Failure, ValueError) as refused:
        form.add_error("email", str(refused))
        return _shown(request, found, invite=form)
    return _told(request, found, made)


def _resend(request: HttpRequest, found: Team) -> HttpResponse:
    row = _one(_open(request, found), "uuid", request.POST.get("id", ""))
    try:
        made = services.resend(row, by=me(request))
    except Failure as refused:
        messages.error(request, str(refused))
        return redirect("team", uuid=found.uuid)
    return _told(request, found, made)


def _told(request: HttpRequest, found: Team, made: services.Invited) -> HttpResponse:
    """Mailed, it is on its way; else the address is shown once, to be handed over."""
    if made.mailed:
        text = _("The invitation is on its way to %(email)s.") % {"email": made.invitation.email}
        messages.success(request, text)
        return redirect("team", uuid=found.uuid)
    return _shown(request, found, made=made)


def _revoke(request: HttpRequest, found: Team) -> HttpResponse:
    row = _one(_open(request, found), "uuid", request.POST.get("id", ""))
    tried(request, partial(services.revoke_invitation, row, by=me(request)), _("The invitation is revoked."))
    return redirect("team", uuid=found.uuid)


def _change(request: HttpRequest, found: Team) -> HttpResponse:
    row = _member(request, found)
    form = MemberForm(request.POST, prefix=f"m{row.pk}")
    if not form.is_valid():
        for faults in form.errors.values():
            messages.error(request, f"{row.user}: {' '.join(map(str, faults))}")
        return redirect("team", uuid=found.uuid)
    act = partial(services.change_member, row, by=me(request), **form.cleaned_data)
    tried(request, act, _("%(who)s: saved.") % {"who": row.user})
    return redirect("team", uuid=found.uuid)


def _remove(request: HttpRequest, found: Team) -> HttpResponse:
    row = _member(request, found)
    done = _("%(who)s is no member any more.") % {"who": row.user}
    tried(request, partial(services.remove_member, row, by=me(request)), done)
    return redirect("team", uuid=found.uuid)


def _leave(request: HttpRequest, found: Team) -> HttpResponse:
    mine = Membership.objects.visible_to(me(request)).filter(team=found, user=me(request)).first()
    if mine is None:
        raise Http404
    left = tried(
        request, partial(services.remove_member, mine, by=me(request)), _("You left %(team)s.") % {"team": found}
    )
    return redirect("teams") if left else redirect("team", uuid=found.uuid)


def _settings(request: HttpRequest, found: Team) -> HttpResponse:
    form = TeamForm(request.POST, instance=Team.objects.visible_to(me(request), MANAGE).get(pk=found.pk))
    if not form.is_valid():
        return _shown(request, found, settings=form)
    given = form.cleaned_data
    act = partial(
        services.change_team, found, by=me(request), name=given["name"], second_factor=given["require_second_factor"]
    )
    tried(request, act, _("Saved."))
    return redirect("team", uuid=found.uuid)


def _end_token(request: HttpRequest, found: Team) -> HttpResponse:
    theirs = services.tokens_of_members(me(request)).filter(user__memberships__team=found)
    token = _one(theirs, "uuid", request.POST.get("id", ""))
    done = _("The token %(name)s opens nothing any more.") % {"name": token.name}
    tried(request, partial(services.revoke_token, token, by=me(request)), done)
    return redirect("team", uuid=found.uuid)


def _end(request: HttpRequest, found: Team) -> HttpResponse:
    if not me(request).is_superuser:
        raise Http404
    gone = tried(request, partial(services.remove_team, found, by=me(request)), _("The team is removed."))
    return redirect("teams") if gone else redirect("team", uuid=found.uuid)


def _member(request: HttpRequest, found: Team) -> Membership:
    rows = Membership.objects.visible_to(me(request), MANAGE).filter(team=found).select_related("user")
    return _one(rows, "user__uuid", request.POST.get("id", ""))


def _one(rows: QuerySet[M], name: str, text: str) -> M:
    try:
        found = rows.filter(**{name: UUID(text)}).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


ACTS: dict[str, Act] = {
    "invite": _invite, "resend": _resend, "revoke": _revoke, "change": _change, "remove": _remove,
    "settings": _settings, "end-token": _end_token, "end": _end,
}  # fmt: skip
