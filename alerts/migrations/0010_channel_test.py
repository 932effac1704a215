from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0009_incident_said"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="test_error",
            field=models.CharField(blank=True, editable=False, max_length=500),
        ),
        migrations.AddField(
            model_name="channel",
            name="test_failed_at",
            field=models.DateTimeField(blank=True, editable=False, help_text="Empty after a good test.", null=True),
        ),
    ]
