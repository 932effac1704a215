"""Bring the database up and make the first admin: once before the roles of the scale-out profile start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from dashboards.services import prepare_site


class Command(BaseCommand):
    help = "Migrate and make the first team and admin. Safe to run again; `./watchkeeper up` does it by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        first = prepare_site(settings.ENV.admin_email, settings.ENV.admin_password or None)
        if first is None:
            self.stdout.write("Everything is there already.")
            return
        self.stdout.write(f"Sign in as {first.email}")
        if first.password:
            self.stdout.write(f"Password   {first.password}   (shown only now)")
