"""Verbs on checks: make, change, pause, try, remove; and the page that speaks of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit
from checks import beats, probing, secrets, series, standing, trying, uptime
from checks.history import History, Recent, every, history, judged, recent, share
from checks.kinds import Outcome, Task, registry
from checks.kinds.base import Fault
from checks.models import (
    DOWN,
    LEAST_INTERVAL,
    LONGEST_TIMEOUT,
    MOST_INTERVAL,
    NEW,
    Check,
    Run,
)  # fmt: skip
from checks.told import FORMS
from checks.told import told as spoken
from core import runner
from core.clock import now
from core.errors import Conflict
from core.locking import locked
from metrics.base import Labels
from metrics.store import write
from servers.models import CHECK, Event, Server, ServerRows
from servers.services import remove as remove_servers

__all__ = [
    "FORMS",
    "Fault",
    "History",
    "Outcome",
    "Recent",
    "attempt",
    "beats",
    "change",
    "events",
    "every",
    "faults",
    "history",
    "judged",
    "make",
    "moved",
    "on_removal",
    "page",
    "page_of",
    "probing",
    "recent",
    "remove",
    "share",
    "spoken",
    "standing",
    "state_of",
    "tag",
    "taken",
    "task",
    "uptime",
    "why",
]  # fmt: skip

NAME = "checks"
ROW = "check "
"""Before its id, what the row of a check that stands alone is known by."""
TICK = 60
"""Seconds between two samples of a heartbeat, which nobody looks at by itself."""
MOST_OF_TEAM = 5000
TOLD = ("name", "kind", "target", "config", "interval", "timeout", "retries", "window", "paused", "by_agent")


Removal = Callable[[list[Check]], None]
_removals: list[Removal] = []


def on_removal(hook: Removal) -> None:
    """Whoever keeps a check's past reads it in the transaction that removes it."""
    if hook not in _removals:
        _removals.append(hook)


def faults(check: Check, config: Mapping[str, Any] | None = None) -> list[Fault]:
    """Everything that is wrong with a check, by field."""
    found: list[Fault] = []
    if not LEAST_INTERVAL <= check.interval <= MOST_INTERVAL:
        found.append(
            (
                "interval",
                _("From %(least)d seconds to a day, which is %(most)d.")
                % {"least": LEAST_INTERVAL, "most": MOST_INTERVAL},
            )
        )
    if not 1 <= check.timeout <= LONGEST_TIMEOUT:
        found.append(("timeout", _("From 1 to %(most)d seconds.") % {"most": LONGEST_TIMEOUT}))
    if check.retries > 20:
        found.append(("retries", _("At most 20.")))
    if not 60 <= check.window <= 3600:
        found.append(("window", _("From 60 to 3600 seconds.")))
    if not check.name.strip() or not check.name.isprintable():
        found.append(("name", _("Write one line of printable characters.")))
    kind = registry.get(check.kind)
    if check.by_agent and not kind.looks:
        found.append(("by_agent", _("A heartbeat is told to the hub: no agent can run it.")))
    if check.by_agent and (named := sorted(filter(secrets.secret, check.config.get("headers") or ()))):
        said = _("%(name)s proves who asks, and is not sent to an agent. Leave it out, or let the hub look.")
        found.append(("config.headers", said % {"name": named[0]}))
    return found + kind.faults(check.target, check.config if config is None else config, by_agent=check.by_agent)


def moved(check: Check, target: str, config: Mapping[str, Any]) -> list[Fault]:
    """Kept secrets go nowhere but where they were written for, else a change would read them."""
    if not secrets.strays(config, check.target, target):
        return []
    return [("target", _("Write its secret headers again: those that are kept were written for another address."))]


def taken(team: Team, name: str, besides: Check | None = None) -> bool:
    """Whether another check of the team has this name, seen by whoever asks or not."""
    return Check.objects.filter(team=team, name=name).exclude(pk=besides.pk if besides else 0).exists()


@transaction.atomic
def make(check: Check, *, server: Server | None = None, tags: Iterable[str] = (), by: User | None) -> Check:
    """Keep one that was found right. Without a server it stands alone, on a row that is made for it."""
    locked(Team.objects).get(pk=check.team_id)
    if Check.objects.filter(team=check.team_id).count() >= MOST_OF_TEAM:
        raise Conflict(_("A team has at most %(n)d checks. Remove some.") % {"n": MOST_OF_TEAM}, code="too_many")
    check.label = _label(check)
    check.config, check.secrets = secrets.split(check.config, "")
    check.server = server or _row(check, list(tags))
    check.made_by = by
    check.save(force_insert=True)
    Run.objects.create(check_ref=check, due_at=first_due(check, now()))
    audit(by, "check.add", check, after=told(check))
    changed(check)
    return check


@transaction.atomic
def change(check: Check, wanted: Mapping[str, Any], *, by: User | None) -> bool:
    """Set what differs; the same again does nothing. Where it runs and what kind it is stay."""
    row = locked(Check.objects).filter(pk=check.pk).select_related("server").first()
    if row is None:
        return False
    wanted = dict(wanted)
    if found := moved(row, wanted.get("target", row.target), wanted.get("config", row.config)):
        raise Conflict(found[0][1], code="secrets_stay")  # somebody changed it between the form and here
    if "config" in wanted:
        wanted["config"], wanted["secrets"] = secrets.split(wanted["config"], row.secrets)
    before = told(row)
    differs = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not differs:
        return False
    for holder in (row, check):
        for name, value in differs.items():
            setattr(holder, name, value)
    row.save(update_fields=[*differs, "changed_at"])
    if row.alone:
        Server.objects.filter(pk=row.server_id).update(**_shown(row), changed_at=now())
    _again(row, differs)
    audit(by, "check.change", row, before=before, after=told(row))
    changed(row)
    return True


def _again(check: Check, differs: Mapping[str, Any]) -> None:
    """What was asked differently is unknown until it is asked again."""
    wanted: dict[str, Any] = {"due_at": first_due(check, now()), "lease_owner": "", "lease_until": None}
    if "target" in differs or ("config" in differs and check.kind != "heartbeat"):
        wanted |= {"failures": 0, "recent": []}
    if check.kind == "heartbeat" and differs.keys() & {"config", "paused"}:
        run = Run.objects.filter(check_ref=check).first()
        if run is not None and run.at is None and run.state == NEW:
            wanted["expected_at"] = None  # never heard: it is waited for from now on
        elif "config" in differs and run is not None and run.expected_at is not None and run.at is not None:
            wanted["expected_at"] = beats.expected(beat_config(check), run.at)
    Run.objects.filter(check_ref=check).update(**wanted)


@transaction.atomic
def tag(check: Check, tags: list[str], *, by: User | None) -> None:
    """Tags of one that stands alone: selectors find it by them."""
    row = Server.objects.filter(pk=check.server_id, stands_for=CHECK).first()
    if row is not None and row.tags != tags:
        audit(by, "check.tag", check, before={"tags": row.tags}, after={"tags": tags})
        row.tags = tags
        row.save(update_fields=["tags", "changed_at"])


def remove(check: Check, *, by: User | None) -> None:
    """It ends, and with it what it alone carried; alerts over its series are told to their end."""
    server = check.server
    with transaction.atomic():
        audit(by, "check.remove", check, before=told(check))
        for hook in _removals:
            hook([check])
        check.delete()
        transaction.on_commit(partial(runner.wake, NAME))
        if check.by_agent:
            probing.send(server)
    if server.internal and server.stands_for == CHECK:
        remove_servers([server], by=by)
    else:
        series.clear(check)


def changed(check: Check) -> None:
    if check.by_agent:
        probing.send(check.server)
    transaction.on_commit(partial(runner.wake, NAME))


def told(check: Check) -> dict[str, Any]:
    return {name: getattr(check, name) for name in TOLD}


def first_due(check: Check, at: datetime) -> datetime | None:
    """Soon, so that people see it work; then on its own turn."""
    return None if check.paused else at


def next_due(check: Check, at: datetime) -> datetime:
    """Its own turn, the same for good: neither a start nor a slow minute brings many together."""
    every = TICK if check.kind == "heartbeat" else check.interval
    return at + timedelta(seconds=standing.next_turn(check.pk, every, at.timestamp()) - at.timestamp())


def task(check: Check) -> Task:
    return Task(check.kind, check.target, secrets.whole(check.config, check.secrets), float(check.timeout))


def attempt(check: Check, *, by: User) -> Outcome:
    """Look once, now, and keep nothing; Failure where they tried too often."""
    return trying.look(task(check), by, check.team_id)


def beat_config(check: Check) -> beats.Config:
    from checks.kinds.base import read  # noqa: PLC0415 - a verb of this module's own

    return read(beats.Config, check.config)


def page(server: int, labels: Mapping[str, str]) -> str:
    """The address of the check that a series belongs to; empty where it is none of ours."""
    label = labels.get("check", "")
    uuid = Check.objects.filter(server=server, label=label).values_list("uuid", flat=True).first() if label else None
    return f"{settings.SITE_URL}/checks/{uuid}/" if uuid else ""


def page_of(server: Server) -> str:
    """The page of the check that a row stands for, without the site; empty for a machine."""
    return f"/checks/{server.fingerprint.removeprefix(ROW)}/" if server.stands_for == CHECK else ""


def why(server: int, labels: Mapping[str, str]) -> str:
    """What was looked at and what was found there, of a check that is down now; else empty."""
    label = labels.get("check", "")
    row = Check.objects.filter(server=server, label=label).select_related("run").first() if label else None
    if row is None or row.run.state != DOWN or not row.run.said:
        return ""
    said = spoken(row.run.said)
    return said if not row.target or row.target in said else f"{row.target}: {said}"


def events(check: Check) -> ServerRows[Event]:
    """When it went down and came back, as told by the hub or by its agent."""
    return Event.objects.filter(server=check.server_id, kind="check", fields__check=check.label)


def spelled(key: tuple[str, Labels]) -> str:
    """A series as the column that it was told by."""
    return key[0] + write(key[1])


def state_of(run: Run, check: Check) -> str:
    return "paused" if check.paused else run.state or NEW


def _label(check: Check) -> str:
    """Its name, unless another that was renamed since still has it in the team."""
    held = set(
        Check.objects.filter(team=check.team, label__startswith=check.name[:100]).values_list("label", flat=True)
    )
    numbered = (f"{check.name[:100]} {number}" for number in range(2, len(held) + 3))
    return next(label for label in (check.name, *numbered) if label not in held)


def _row(check: Check, tags: list[str]) -> Server:
    """What carries the series of a check that belongs to no machine: found by selectors, seen in no list of them."""
    mine = Server.objects.filter(team=check.team)
    number = (mine.aggregate(last=Max("number"))["last"] or 0) + 1
    return Server.objects.create(
        team=check.team, number=number, internal=True, stands_for=CHECK, fingerprint=f"{ROW}{check.uuid}",
        tags=tags, **_shown(check),
    )  # fmt: skip


def _shown(check: Check) -> dict[str, Any]:
    """What its row shows of it, under a name that no machine has."""
    taken = Server.objects.filter(team=check.team, name=check.name).exclude(pk=check.server_id or 0).exists()
    name = f"{check.name[:100]} (check {str(check.uuid)[:4]})" if taken else check.name
    every = TICK if check.kind == "heartbeat" else check.interval
    return {"name": name, "hostname": check.target[:255] or check.name, "role": "check", "interval": min(every, 3600)}
