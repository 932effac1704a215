"""Roles may follow the groups of a sign-in service; those given by hand stay."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_names")]

    operations = [
        migrations.AddField(
            "membership", "by_groups",
            models.BooleanField(default=False, help_text="Given by groups of the sign-in service, and taken so."),
        ),
    ]  # fmt: skip
