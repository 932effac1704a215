"""Who must wait; and a trail that the database itself keeps from being edited."""

import uuid

import accounts.limits
from django.db import migrations, models

from accounts.migrations._trail import guard


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_sign_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("kind", models.CharField(choices=accounts.limits.titles, max_length=20, verbose_name="what")),
                ("subject", models.CharField(max_length=200, verbose_name="who")),
                ("count", models.PositiveIntegerField(default=0, verbose_name="tries")),
                ("since", models.DateTimeField(verbose_name="counted since")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="must wait until")),
                ("waits", models.PositiveSmallIntegerField(default=0, verbose_name="waits in a row")),
                ("changed_at", models.DateTimeField(auto_now=True, db_index=True, verbose_name="last try")),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "limits: who must wait",
            },
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.UniqueConstraint(fields=("kind", "subject"), name="one_limit_of_a_kind"),
        ),
        migrations.AlterModelOptions(
            name="audit",
            options={"verbose_name": "entry of the audit trail", "verbose_name_plural": "audit trail"},
        ),
        migrations.AlterField(
            model_name="audit",
            name="target_id",
            field=models.CharField(blank=True, db_index=True, max_length=40),
        ),
        migrations.AddIndex(
            model_name="audit",
            index=models.Index(fields=["action", "-at"], name="audit_by_action"),
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
