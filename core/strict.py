"""What a program asks in words nobody knows is refused: a misspelt `dry_run` must not change anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from core import selector

MOST_NAMED = 5


class Strict(serializers.Serializer):  # type: ignore[type-arg]
    """A serializer that refuses keys it does not know, and says which ones it does.

    What may only be read may come along, unused: people send back what they got.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            self._refuse_unknown(data)
        return super().to_internal_value(data)

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        unknown = [key for key in data if key not in self.fields][:MOST_NAMED]
        if unknown:
            known = ", ".join(sorted(name for name, field in self.fields.items() if not field.read_only))
            text = f"Nothing is known by this name. Known are: {known}."
            raise serializers.ValidationError({str(key)[:60]: [text] for key in unknown})


class Selecting(Strict):
    """One that takes a selector; what cannot be read is said as the parser says it."""

    def validate_selector(self, value: str) -> str:
        try:
            selector.parse(value)
        except selector.Unreadable as fault:
            raise serializers.ValidationError(str(fault)) from fault
        return value
