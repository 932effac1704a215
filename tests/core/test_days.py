"""Days in forms: what a browser can show, in every language."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.utils import translation

from core.days import Day


class Asked(forms.Form):
    day = Day(required=False)


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_a_day_stands_in_iso_in_every_language(language: str) -> None:
    with translation.override(language):
        fresh: Any = Asked(initial={"day": date(2026, 11, 14)})
        assert 'type="date"' in str(fresh["day"])
        assert 'value="2026-11-14"' in str(fresh["day"])
        sent = Asked({"day": "2026-11-14"})
        assert sent.is_valid()
        assert sent.cleaned_data["day"] == date(2026, 11, 14)
        assert not Asked({"day": "1402-11-14"}).is_valid()


def test_no_form_asks_for_a_day_in_another_way() -> None:
    root = Path(__file__).resolve().parents[2]
    apps = {one.parent for one in root.glob("*/apps.py")}
    asking = {
        str(path.relative_to(root))
        for app in apps
        for path in app.rglob("*.py")
        if any(name in path.read_text() for name in ("forms.DateField", "forms.DateTimeField", "forms.DateInput"))
    }
    assert asking == {"core/days.py"}
