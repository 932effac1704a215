"""Deliveries keep the name of a person whose account is deleted, and point to what was their channel."""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models

import alerts.models.leaving


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_names"),
        ("alerts", "0010_channel_test"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="channel",
            name="a_channel_is_of_a_team_or_of_a_person",
        ),
        migrations.AddField(
            model_name="delivery",
            name="person_name",
            field=models.CharField(blank=True, help_text="Of somebody whose account is gone.", max_length=320),
        ),
        migrations.AlterField(
            model_name="channel",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=alerts.models.leaving.keep_channel,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=alerts.models.leaving.keep_name,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner__isnull", True), ("team__isnull", False)),
                    models.Q(("owner__isnull", False), ("team__isnull", True)),
                    models.Q(("owner__isnull", True), ("removed_at__isnull", False), ("team__isnull", True)),
                    _connector="OR",
                ),
                name="a_channel_is_of_a_team_or_of_a_person",
            ),
        ),
    ]
