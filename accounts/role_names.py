"""What the roles are called, and what each may do, in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, str | Promise] = {
    "viewer": _("Viewer"), "operator": _("Operator"), "manager": _("Manager"), "admin": _("Admin"),
}  # fmt: skip
MAY: dict[str, str | Promise] = {
    "viewer": _("Looks at everything."),
    "operator": _("Looks, acknowledges and silences."),
    "manager": _("Looks, and makes reports and their schedules; cannot acknowledge or silence."),
    "admin": _("Does all of that, and manages servers, rules, people and tokens."),
}
CHOICES = list(NAMES.items())
