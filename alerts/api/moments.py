"""Times as the contract takes them: unix seconds, or ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]})
class Moment(serializers.DateTimeField):
    def to_internal_value(self, value: Any) -> datetime:
        text = str(value)
        if isinstance(value, int | float) or text.replace(".", "", 1).isdecimal():
            try:
                return datetime.fromtimestamp(float(text), UTC)
            except (ValueError, OverflowError, OSError):
                self.fail("invalid", format="unix seconds or ISO 8601")
        return super().to_internal_value(value)
