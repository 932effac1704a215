"""What the database itself does to keep the audit trail from being edited."""

from __future__ import annotations

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
