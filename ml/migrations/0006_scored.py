"""How many forecasts of the past the error of a forecast is told from."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ml", "0005_nights")]

    operations = [
        migrations.AddField(
            "forecast",
            "scored",
            models.PositiveSmallIntegerField(default=0, help_text="How many of them the error is the middle of."),
        )
    ]
