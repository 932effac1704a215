"""Who must wait; and a trail that the database itself keeps from being edited."""

import uuid

import accounts.limits
from django.db import migrations, models

# A later change of the table on SQLite makes it anew without triggers: that migration must call `guard` again.
SQLITE = """
CREATE TRIGGER audit_never_edited BEFORE UPDATE ON accounts_audit
WHEN (NEW.user_id IS NOT NULL AND NEW.user_id IS NOT OLD.user_id)
  OR (NEW.team_id IS NOT NULL AND NEW.team_id IS NOT OLD.team_id)
  OR (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.target, NEW.target_id, NEW.before, NEW.after, NEW.over)
     <> (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.target, OLD.target_id, OLD.before, OLD.after, OLD.over)
  OR NEW.address IS NOT OLD.address
BEGIN SELECT RAISE(ABORT, 'the audit trail is never edited'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON accounts_audit
WHEN OLD.at > datetime('now', '-29 days')
BEGIN SELECT RAISE(ABORT, 'the audit trail is kept for at least 30 days'); END;
"""
POSTGRES = """
CREATE OR REPLACE FUNCTION audit_never_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.at > now() - interval '29 days' THEN
      RAISE EXCEPTION 'the audit trail is kept for at least 30 days';
    END IF;
    RETURN OLD;
  END IF;
  IF (NEW.user_id IS NOT NULL AND NEW.user_id IS DISTINCT FROM OLD.user_id)
    OR (NEW.team_id IS NOT NULL AND NEW.team_id IS DISTINCT FROM OLD.team_id)
    OR (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.target, NEW.target_id, NEW.before, NEW.after, NEW.over)
       IS DISTINCT FROM
       (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.target, OLD.target_id, OLD.before, OLD.after, OLD.over)
    OR NEW.address IS DISTINCT FROM OLD.address
  THEN
    RAISE EXCEPTION 'the audit trail is never edited';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_never_edited BEFORE UPDATE OR DELETE ON accounts_audit
FOR EACH ROW EXECUTE FUNCTION audit_never_edited();
"""


def guard(apps, editor):
    """The rules of the table itself, for whoever comes past our code."""
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRES, params=None)
        return
    for trigger in SQLITE.split("END;"):
        if trigger.strip():
            editor.execute(trigger + "END;", params=None)


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
