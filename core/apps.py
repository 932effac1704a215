"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext

from core.spoken import spoken_by


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import plain  # noqa: PLC0415 - the framework it speaks for reads settings when imported

        plain.speak()
        spoken_by(gettext)
