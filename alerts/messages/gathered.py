"""What the messages of many deliveries need, asked once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import Count

from alerts.messages.read import SHOWN, Matter, bundle, wholes
from alerts.models import Alert, Delivery, Notice


def gather(deliveries: Iterable[Delivery]) -> dict[int, Matter]:
    """By notice; those of great incidents are left out, as the database ranks their members better."""
    notices = wholes({one.notice_id for one in deliveries})
    members = _members({one.incident_id for one in notices.values()})
    told = _told(notices.keys())
    found = {}
    for pk, notice in notices.items():
        if notice.incident_id in members:
            mine = told[pk] | {notice.alert_id}
            found[pk] = _matter(notice, members[notice.incident_id], mine)
    return found


def _members(incidents: Collection[int]) -> dict[int, list[Alert]]:
    shown = Alert.objects.filter(incident__in=incidents).exclude(state="pending").exclude(server__demo=True)
    sizes = dict(shown.order_by().values_list("incident").annotate(size=Count("pk")))
    found: dict[int, list[Alert]] = {pk: [] for pk in incidents if sizes.get(pk, 0) <= SHOWN}
    for alert in shown.filter(incident__in=found).select_related("rule", "server", "series"):
        found[alert.incident_id or 0].append(alert)
    return found


def _told(notices: Collection[int]) -> dict[int, set[int | None]]:
    """The alerts whose events a bundle tells."""
    found: dict[int, set[int | None]] = defaultdict(set)
    for bundle_, alert in Notice.objects.filter(told_in__in=notices).values_list("told_in_id", "alert_id"):
        found[bundle_].add(alert)
    return found


def _matter(notice: Notice, alerts: list[Alert], mine: set[int | None]) -> Matter:
    """Ranked as the database does it for one."""
    found = Matter(notice)
    found.members = sorted(
        alerts,
        key=lambda one: (
            one.pk not in mine, one.resolved_at is not None, one.severity != "critical", -one.since, one.pk,
        ),
    )  # fmt: skip
    found.firing = sum(one.resolved_at is None for one in alerts)
    return bundle(found)
