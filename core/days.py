"""Days that people pick in a form."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

ISO = "%Y-%m-%d"
# Days beyond these have no midnight in every zone.
WITHIN = (MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2100, 1, 1)))


class Calendar(forms.DateInput):
    """Browsers show a day as their people write it, but take and give it in ISO alone, whatever the language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format=ISO)


class Day(forms.DateField):
    widget = Calendar
    default_validators = [*WITHIN]
    input_formats = (ISO,)
