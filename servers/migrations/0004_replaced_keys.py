# A replaced key ends at the first use of its successor, not by a clock.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("servers", "0003_orders"),
    ]

    operations = [
        migrations.RenameField("agentkey", "expires_at", "replaced_at"),
        migrations.AlterField(
            model_name="agentkey",
            name="replaced_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When another was handed out; it ends at that one's first use.",
                null=True,
            ),
        ),
    ]
