"""One's own ways and quiet hours."""

from __future__ import annotations

from dashboards.words.mark import _

WORDS = {
    "me.how": _("Language and quiet hours"),
    "me.quiet": _("Quiet hours"),
    "me.quietHelp": _("A warning waits for their end."),
    "me.quietDays": _("Beginning on (none: every day)"),
    "me.breaks": _("Critical may wake me"),
    "way.title": _("My ways"),
    "way.lede": _("The first is tried first; later ones follow while nobody acknowledges."),
    "way.add": _("Add a way"),
    "way.empty": _("You have none yet, so you are told by mail to {email}."),
    "way.emptyNoMail": _(
        "You have none yet. Mail to {email} would be used, but this Watchkeeper has no mail server: nobody tells you."
    ),
    "way.over": _("By"),
    "way.mine": _("Mine already"),
    "way.severity": _("From"),
    "way.warn": _("warning on"),
    "way.critical": _("critical only"),
    "way.after": _("After"),
    "way.afterHelp": _("Without an acknowledgement. 0: at once."),
    "way.later": _("after {age}"),
    "way.atOnce": _("at once"),
    "way.remove": _("Remove"),
    "way.earlier": _("Move {name} earlier"),
    "way.laterOf": _("Move {name} later"),
    "push.title": _("Messages to this browser"),
    "push.on": _("It shows alerts even while no page is open."),
    "push.off": _("It could show alerts even while no page is open."),
    "push.denied": _("It was forbidden in this browser: allow notifications for this site in its settings."),
    "push.unsupported": _(
        "This browser takes no messages here. They need https (or localhost) and a browser that knows web push."
    ),
    "push.refused": _(
        "The browser could not get an address for messages ({why}). Private windows never do; it must also "
        "reach its own push service."
    ),
    "push.start": _("Send to this browser"),
    "push.stop": _("Stop"),
}
