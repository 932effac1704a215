"""Teams: made and removed by site owners, named by their admins."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction
from django.db.models import CASCADE, Model
from django.utils.translation import gettext as _

from accounts.base import narrow
from accounts.models import Membership, Team, User
from accounts.services.site import begin_team
from accounts.trail import audit
from core import live
from core.clock import now
from core.errors import Conflict
from core.locking import locked

_holders: list[Callable[[Team], str]] = []
_endings: list[Callable[[Team, User], Collection[type[Model]]]] = []


def on_end_of_team(hook: Callable[[Team], str]) -> None:
    """Whoever keeps what must not vanish with a team says so in a sentence; an empty one lets it go."""
    if hook not in _holders:
        _holders.append(hook)


def when_team_ends(hook: Callable[[Team, User], Collection[type[Model]]]) -> None:
    """Whoever keeps a record ends what goes on in the team, and names the tables whose rows stay."""
    if hook not in _endings:
        _endings.append(hook)


@transaction.atomic
def make_team(name: str, *, by: User) -> Team:
    """A new team with what teams begin with; whoever makes it is its first admin."""
    _free(name)
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=by, role="admin")
    begin_team(team)
    audit(by, "team.make", team, after={"name": name})
    return team


@transaction.atomic
def change_team(team: Team, *, by: User, name: str | None = None, second_factor: bool | None = None) -> Team:
    """Another name, or whether its members need a second factor; the same again changes nothing."""
    held = locked(Team.objects).get(pk=team.pk)
    before = {"name": held.name, "require_second_factor": held.require_second_factor}
    if name is not None and name != held.name:
        _free(name)
        held.name = name
    if second_factor is not None:
        held.require_second_factor = second_factor
    held.save(update_fields=["name", "require_second_factor"])
    after = {"name": held.name, "require_second_factor": held.require_second_factor}
    audit(by, "team.change", held, before=before, after=after)
    if after["require_second_factor"] and not before["require_second_factor"]:
        _look_again(team)
    return held


@transaction.atomic
def remove_team(team: Team, *, by: User) -> None:
    """The team with its people, rules and channels; never while it has servers, or as the last one.

    What was told of its troubles stays in the record, for site owners to read.
    """
    # All of them, so that two cannot each remove what the other counts on.
    rows = {row.pk: row for row in locked(Team.objects.order_by("pk"))}
    held = rows.get(team.pk)
    if held is None:
        return
    if len(rows) == 1:
        raise Conflict(_("This is the only team. Make another one first."), code="last_team")
    for hook in _holders:
        if sentence := hook(held):
            raise Conflict(sentence, code="team_in_use")
    audit(by, "team.remove", held, before={"name": held.name, "members": held.memberships.count()})
    _look_again(held)
    kept = {table for hook in _endings for table in hook(held, by)}
    for relation in _owning():
        if relation.related_model not in kept:
            relation.related_model._base_manager.filter(**{relation.field.name: held}).delete()
    held.name, held.removed_at = _late(held), now()
    held.save(update_fields=["name", "removed_at"])


def _owning() -> list[Any]:
    """What leads to a team and goes with it, in every app."""
    found: list[Any] = list(Team._meta.get_fields(include_hidden=True))
    relations = [one for one in found if one.auto_created and not one.concrete and one.one_to_many]
    return [one for one in relations if one.on_delete is CASCADE]


def _late(team: Team) -> str:
    """Its name is free again; in the record it says that the team is gone."""
    name = f"{team.name[:50]} (removed {now():%Y-%m-%d})"
    return f"{team.name[:30]} (removed {team.uuid})" if Team.ever.filter(name=name).exists() else name


def _free(name: str) -> None:
    if Team.ever.filter(name__iexact=name).exists():
        raise Conflict(_("There is a team of this name already. Choose another."), code="taken")


def _look_again(team: Team) -> None:
    """The sockets of its members ask at once whether they may still see what they show."""
    users = list(team.memberships.values_list("user", flat=True))

    def look() -> None:
        narrow.forget()
        for user in users:
            live.recheck(user)

    transaction.on_commit(look)
