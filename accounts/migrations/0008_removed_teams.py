"""A team that was removed stays as the name under which the record tells whom it told."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_roles_by_groups")]

    operations = [
        migrations.AddField("team", "removed_at", models.DateTimeField(blank=True, editable=False, null=True)),
    ]
