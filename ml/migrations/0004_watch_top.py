"""Which metrics are to blame for a score that is high now."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ml", "0003_cards")]

    operations = [
        migrations.AddField(
            "watch",
            "top",
            models.JSONField(default=list, help_text="While the score is high: what is to blame, as of an episode."),
        ),
        migrations.AddField(
            "watch",
            "top_at",
            models.BigIntegerField(default=0, help_text="Of which sample that was said, milliseconds."),
        ),
    ]
