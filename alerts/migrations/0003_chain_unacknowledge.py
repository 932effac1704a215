from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0002_people_and_silences")]

    operations = [
        migrations.AddField(
            model_name="chain",
            name="unacknowledge",
            field=models.BooleanField(
                default=False, help_text="Begin again when whoever acknowledged does not answer the reminder."
            ),
        ),
    ]
