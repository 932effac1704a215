"""What there is: servers, their systems and sizes, and which updates and restarts they wait for."""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from metrics.base import HOURS
from metrics.store import DatabaseStore
from reports import saying
from reports.document import Bar, Cell, Chart, Column, Figure, Section, Table
from reports.kinds.base import Asked, Kind, kinds
from reports.scope import DAY
from servers.models import FactSheet, Server

PENDING = ("updates_pending", "updates_security", "reboot_required", "memory_total_bytes")
SLICE = 500
SYSTEMS = 10

Numbers = dict[int, dict[str, float]]


@kinds.register("inventory")
class Inventory(Kind):
    title: ClassVar[str | Promise] = gettext_lazy("Inventory and updates")
    about: ClassVar[str | Promise] = gettext_lazy("What there is, as it stands now, and which updates wait.")

    def sections(self, asked: Asked) -> list[Section]:
        facts = _facts(asked)
        asked.step(0.4)
        numbers = _numbers(asked)
        asked.step(0.8)
        waiting = sum(bool(one.get("updates_security")) for one in numbers.values())
        if waiting:
            asked.busy = True
            text = ngettext(
                "%(n)d server waits for security updates.", "%(n)d servers wait for security updates.", waiting
            )
            asked.sentences.append(text % {"n": waiting})
        else:
            asked.sentences.append(_("No server that tells of its updates waits for security updates."))
        return [_figures(asked, numbers, waiting), _table(asked, facts, numbers), *_updates(asked, facts)]


def _facts(asked: Asked) -> dict[int, dict[str, Any]]:
    numbers = list(asked.scope.living)
    found: dict[int, dict[str, Any]] = {}
    for place in range(0, len(numbers), SLICE):
        sheets = FactSheet.objects.filter(server__in=numbers[place : place + SLICE])
        found.update(sheets.values_list("server_id", "document"))
    return found


def _numbers(asked: Asked) -> Numbers:
    """The newest row of each; of machines that are silent now what they told in their last two days here."""
    numbers = list(asked.scope.living)
    store = DatabaseStore()
    newest = store.latest(numbers, list(PENDING))
    found: Numbers = {}
    for number, values in zip(numbers, newest.values.tolist(), strict=True):
        found[number] = {name: one for name, one in zip(PENDING, values, strict=True) if not isnan(one)}
    for name in PENDING:
        missing = [number for number in numbers if name not in found[number]]
        if missing:
            end = asked.scope.end
            for rolled in store.fleet_range(name, end - 2 * DAY, end - 1, HOURS, missing).values():
                for place, number in enumerate(rolled.series.tolist()):
                    known = rolled.count[:, place].nonzero()[0]
                    if number in found and len(known):
                        found[number].setdefault(name, float(rolled.high[known[-1], place]))
    return found


def _figures(asked: Asked, numbers: Numbers, waiting: int) -> Section:
    restart = sum(bool(one.get("reboot_required")) for one in numbers.values())
    pending = sum(one.get("updates_pending", 0.0) for one in numbers.values())
    figures = [
        Figure(_("Servers"), saying.cell(len(numbers), "count", href="#servers")),
        Figure(_("Updates pending"), saying.cell(round(pending), "count", href="#servers")),
        Figure(
            _("Wait for security updates"),
            saying.cell(waiting, "count", href="#servers", tone="crit" if waiting else "ok"),
        ),
        Figure(
            _("Wait for a restart"), saying.cell(restart, "count", href="#servers", tone="warn" if restart else "ok")
        ),
    ]
    systems = Counter(one.words["os"][-1] or _("unknown") for one in asked.scope.living.values())
    bars = [Bar(name, [(count, "info")], str(count)) for name, count in systems.most_common(SYSTEMS)]
    chart = Chart(_("Systems"), bars, max(systems.values())) if systems else None
    note = _("As it stands now; a past time does not change it.")
    return Section("figures", _("In figures"), note, figures, chart)


def _table(asked: Asked, facts: dict[int, dict[str, Any]], numbers: Numbers) -> Section:
    columns = [
        Column("server", _("Server")),
        Column("team", _("Team")),
        Column("environment", _("Environment")),
        Column("role", _("Role")),
        Column("site", _("Site")),
        Column("system", _("System")),
        Column("kernel", _("Kernel")),
        Column("cores", _("Cores"), "count"),
        Column("memory", _("Memory"), "bytes"),
        Column("agent", _("Agent")),
        Column("pending", _("Updates"), "count"),
        Column("security", _("Security updates"), "count"),
        Column("restart", _("Restart")),
    ]
    agents = dict(Server.objects.filter(pk__in=list(asked.scope.living)).values_list("pk", "agent"))
    rows = []
    for number, machine in asked.scope.living.items():
        told, count, words = facts.get(number, {}), numbers[number], machine.words
        where = f"/servers/{machine.uuid}/"
        security = count.get("updates_security")
        rows.append(
            [
                saying.cell(machine.name, href=where),
                saying.cell(asked.scope.teams.get(machine.team, "")),
                saying.cell(words["env"][0]),
                saying.cell(words["role"][0]),
                saying.cell(words["site"][0]),
                saying.cell(words["os"][-1]),
                saying.cell(_fact(told, "os", "kernel")),
                saying.cell(_whole(_fact(told, "cpu", "cores")), "count"),
                saying.cell(count.get("memory_total_bytes"), "bytes"),
                saying.cell(agents.get(number, "")),
                saying.cell(_whole(count.get("updates_pending")), "count", href=where),
                saying.cell(_whole(security), "count", href=where, tone="crit" if security else ""),
                saying.cell(_("needed") if count.get("reboot_required") else "", href=where),
            ]
        )
    return Section("servers", _("Servers"), "" if rows else _("No server is meant."), table=Table(columns, rows))


def _updates(asked: Asked, facts: dict[int, dict[str, Any]]) -> list[Section]:
    """Every update that waits, with where: one row for each package and its versions."""
    where: dict[tuple[str, str], list[str]] = {}
    for number, machine in asked.scope.living.items():
        for name, version in (facts.get(number, {}).get("updates") or {}).items():
            where.setdefault((str(name), str(version)), []).append(machine.name)
    if not where:
        return []
    columns = [
        Column("package", _("Package")),
        Column("version", _("Update")),
        Column("count", _("Servers"), "count"),
        Column("where", _("Where")),
    ]
    ordered = sorted(where.items(), key=lambda item: (-len(item[1]), item[0]))
    rows: list[list[Cell]] = [
        [saying.cell(name), saying.cell(version), saying.cell(len(names), "count"), saying.cell(_listed(names))]
        for (name, version), names in ordered
    ]
    return [Section("updates", _("Updates"), table=Table(columns, rows))]


def _listed(names: list[str]) -> str:
    more = len(names) - 5
    shown = ", ".join(sorted(names)[:5])
    return _("%(names)s and %(n)d more") % {"names": shown, "n": more} if more > 0 else shown


def _fact(told: dict[str, Any], section: str, key: str) -> Any:
    part = told.get(section)
    return part.get(key) if isinstance(part, dict) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if isnan(value) else int(value)
