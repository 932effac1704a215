"""A reader of the journal may go on without rows, and how many those were."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.AddField(
            "cursor", "may_lose",
            models.BooleanField(default=False, db_default=False, help_text="Whether it may go on without rows that wait too long."),
        ),
        migrations.AddField(
            "cursor", "lost",
            models.BigIntegerField(default=0, db_default=0, help_text="Rows that it went on without, as it read no more."),
        ),
        migrations.AddField("cursor", "lost_at", models.DateTimeField(null=True, blank=True)),
    ]  # fmt: skip
