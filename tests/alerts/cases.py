"""One notice of each kind, as golden files keep what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from alerts.models import Incident, Notice
from tests.alerts.spoken import AT, World, ms

Case = Callable[[World], Notice]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def _hot(world: World) -> tuple[Incident, Notice]:
    server = world.server()
    world.usual(server)
    incident = world.incident(world.rule())
    return incident, world.notice(incident, "firing", world.alert(incident, server))


@case
def firing(world: World) -> Notice:
    return _hot(world)[1]


@case
def resolved(world: World) -> Notice:
    server = world.server()
    world.usual(server)
    incident = world.incident(world.rule(), resolved_at=AT, opened_at=AT - timedelta(minutes=75))
    alert = world.alert(
        incident, server, value=41.5, state="resolved", since=ms(AT - timedelta(minutes=75)), resolved_at=AT
    )
    return world.notice(incident, "resolved", alert)


@case
def acknowledged(world: World) -> Notice:
    incident, _ = _hot(world)
    until = (AT + timedelta(hours=2)).timestamp()
    Incident.objects.update(acknowledged_at=AT, acknowledged_by=world.lars)
    incident.refresh_from_db()
    return world.notice(incident, "acknowledged", by=world.lars, how="until", until=until, reason="Reindexing ends.")


@case
def unacknowledged(world: World) -> Notice:
    return world.notice(_hot(world)[0], "unacknowledged", why="worse")


@case
def repeat(world: World) -> Notice:
    incident, _ = _hot(world)
    return world.notice(incident, "repeat", at=AT + timedelta(hours=4), firing=1)


@case
def reminder(world: World) -> Notice:
    incident, _ = _hot(world)
    Incident.objects.update(acknowledged_at=AT, acknowledged_by=world.ana)
    incident.refresh_from_db()
    return world.notice(incident, "reminder", severity="critical")


@case
def escalated(world: World) -> Notice:
    incident, _ = _hot(world)
    return world.notice(incident, "escalated", severity="critical", chain="Nights", minutes=15, on_call_gap="Ops")


@case
def digest(world: World) -> Notice:
    incident, _ = _hot(world)
    lines = [f"db-{number}: Swap used is 91 %, above 90 %." for number in range(1, 4)]
    return world.notice(incident, "digest", count=37, firing=31, resolved=6, lines=lines)


@case
def silence_ends(world: World) -> Notice:
    incident, _ = _hot(world)
    ends = (AT + timedelta(minutes=10)).timestamp()
    return world.notice(incident, "reminder", about="silence_ends", reason="Database upgrade", ends=ends)


@case
def rule_fault(world: World) -> Notice:
    incident = world.incident(None, "The rule Queue length cannot be judged")
    reason = "no server tells queue_length any more."
    return world.notice(incident, "firing", about="rule_fault", rule="Queue length", reason=reason, severity="warn")


@case
def server_down(world: World) -> Notice:
    server = world.server()
    rule = world.rule("Server down", "", kind="no_data", for_seconds=60, warn=None, critical=None)
    incident = world.incident(rule)
    alert = world.alert(incident, server, "silent_seconds", value=64, limit=60)
    return world.notice(incident, "firing", alert)


@case
def disk_forecast(world: World) -> Notice:
    server = world.server()
    world.usual(server)
    rule = world.rule("Disk full soon", "forecast_seconds_left", kind="forecast", op="below", warn=604800)
    incident = world.incident(rule, severity="warn")
    column = 'forecast_seconds_left{metric="disk_used_percent",mount="/"}'
    alert = world.alert(incident, server, column, value=310_000.0, limit=604_800, severity="warn")
    return world.notice(incident, "firing", alert)


@case
def disk_full(world: World) -> Notice:
    server = world.server()
    world.usual(server)
    column = 'disk_used_percent{mount="/srv"}'
    world.measured(server, **{column: lambda share: 86 + 6.5 * share})
    rule = world.rule("Disk nearly full", "disk_used_percent", warn=90, critical=96)
    incident = world.incident(rule, severity="warn")
    alert = world.alert(incident, server, column, value=92.5, limit=90, severity="warn")
    return world.notice(incident, "firing", alert)


@case
def group(world: World) -> Notice:
    return _bundle(world, 12, 2)


@case
def k_of_n(world: World) -> Notice:
    return _bundle(world, 3, 0, params={"at_least": 3})


def _bundle(world: World, new: int, over: int, **rule: object) -> Notice:
    incident = world.incident(world.rule(**rule))  # type: ignore[arg-type]
    told = world.notice(incident, "firing", severity="critical")
    for number in range(1, new + over + 1):
        ended = number > new
        alert = world.alert(
            incident, world.server(f"web-{number}", number), value=(50 if ended else 95) + number / 7,
            resolved_at=AT if ended else None, state="resolved" if ended else "firing",
        )  # fmt: skip
        event = world.notice(incident, "resolved" if ended else "firing", alert)
        Notice.objects.filter(pk=event.pk).update(told_in=told)
    events = list(Notice.objects.filter(told_in=told).order_by("pk"))
    entries = [{**one.facts, "alert": one.alert_id} for one in events]
    told.facts = {
        "severity": "critical", "firing": new, "new": entries[:new], "new_count": new,
        "resolved": entries[new:], "resolved_count": over,
    }  # fmt: skip
    told.save()
    return told


@case
def traps(world: World) -> Notice:
    """A host called like an attack, from the right, and very long; a rule with line breaks in its runbook."""
    name = "<b>שרת-ראשי</b>&\"'" + "x" * 90
    server = world.server(name)
    world.usual(server)
    Notice.objects.all().delete()
    rule = world.rule(
        "Disk <i>full</i> & “more”", runbook="1. Look\r\n2. <script>alert(1)</script> https://wiki/x?a=1&b=2"
    )
    incident = world.incident(rule)
    column = 'disk_used_percent{mount="/var/lib/\u0627\u0644\u0628\u064a\u0627\u0646\u0627\u062a"}'
    return world.notice(incident, "firing", world.alert(incident, server, column))
