from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0004_watch_top"),
    ]

    operations = [
        migrations.AddField(
            model_name="watch",
            name="fresh",
            field=models.BinaryField(
                default=b"", help_text="How rare scores of this version were lately: made each night."
            ),
        ),
        migrations.AddField(
            model_name="watch",
            name="fresh_at",
            field=models.DateTimeField(help_text="When a night last looked at it.", null=True),
        ),
        migrations.AddField(
            model_name="watch",
            name="crept",
            field=models.JSONField(
                default=list,
                help_text="At most five that crept away since they were learnt: column, strays, was and now.",
            ),
        ),
    ]
