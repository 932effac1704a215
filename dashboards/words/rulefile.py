"""Rules as a file: out, compared, in."""

from __future__ import annotations

from dashboards.words.mark import _

WORDS = {
    "file.rules": _("Alert rules"),
    "file.title": _("Rules as a file"),
    "file.lede": _(
        "Keep them under version control: take the file, change it, and bring it back. Names stand for ids."
    ),
    "file.out": _("Take the file"),
    "file.outLede": _("All rules of the team, in one order, without secrets."),
    "file.download": _("Download rules.yaml"),
    "file.in": _("Bring a file"),
    "file.inLede": _("First you see what would change. Nothing is changed before you press Apply."),
    "file.choose": _("Choose a file"),
    "file.text": _("Or paste it here"),
    "file.prune": _("Remove rules that the file does not have"),
    "file.pruneHelp": _("Without it they stay as they are."),
    "file.plan": _("Show what would change"),
    "file.planning": _("Comparing"),
    "file.planned": _("What would change"),
    "file.nothing": _("Nothing would change: the rules are as the file says."),
    "file.same.one": _("One rule stays as it is."),
    "file.same.other": _("{n} rules stay as they are."),
    "file.apply.one": _("Apply one change"),
    "file.apply.other": _("Apply {n} changes"),
    "file.done": _("Done. The rules are as the file says."),
    "file.toRules": _("To the rules"),
    "file.askAdmin": _("An admin of the team may bring a file back."),
}
