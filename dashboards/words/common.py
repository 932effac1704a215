"""What every page of alerts says."""

from __future__ import annotations

from dashboards.words.mark import _

WORDS = {
    "crumb": _("Breadcrumb"),
    "team": _("Team"),
    "form.save": _("Save"),
    "form.saved": _("Saved."),
    "form.saving": _("Saving"),
    "form.sending": _("Sending"),
    "form.cancel": _("Cancel"),
    "form.edit": _("Edit"),
    "form.keep": _("Keep it"),
    "form.removeOf": _("Remove {name}"),
    "form.unitOf": _("{label}: unit"),
    "rules.title": _("Alert rules"),
    "rule.everyServer": _("every server"),
    "rule.gone": _("removed"),
    "take.acknowledge": _("Acknowledge"),
    "channel.noFallback": _("nobody else"),
    "channel.deleteSure": _("Remove {name}?"),
    "silence.from": _("From"),
    "silence.until": _("Until"),
    "silence.zone": _("Time zone"),
    "silence.reason": _("Reason"),
    "told.tries.one": _("one try"),
    "told.tries.other": _("{n} tries"),
}
