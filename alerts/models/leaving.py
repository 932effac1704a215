"""What the record keeps of a person whose account is deleted: whom we told, by name, and over what."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.deletion import Collector

from accounts.models import User
from core import sealed
from core.clock import now


def keep_name(collector: Collector, field: Any, rows: QuerySet[Any], using: str) -> None:
    """Deliveries to them stay, with their name as text."""
    name = field.model._meta.get_field("person_name")
    for person in User.objects.using(using).filter(pk__in=rows.order_by().values(field.attname)):
        collector.add_field_update(name, str(person), rows.filter(**{field.name: person}))
    collector.add_field_update(field, None, rows)


def keep_channel(collector: Collector, field: Any, rows: QuerySet[Any], _using: str) -> None:
    """Their own channels stay as names, removed and without where they led: deliveries over them point there."""
    for other, value in (("removed_at", now()), ("sealed_config", sealed.seal({}))):
        collector.add_field_update(field.model._meta.get_field(other), value, rows)
    collector.add_field_update(field, None, rows)


# Rows are not read into memory: they are changed where they are.
keep_name.lazy_sub_objs = True  # type: ignore[attr-defined]
keep_channel.lazy_sub_objs = True  # type: ignore[attr-defined]
