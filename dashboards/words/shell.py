"""What stands around every page: palette, keys, toasts, states of the line."""

from __future__ import annotations

from dashboards.words.mark import _

WORDS = {
    "age.in": _("in {age}"),
    "page.profile": _("My profile"),
    "toast.undo": _("Undo"),
    "broken.word": _("Failed"),
    "broken.again": _("Load again"),
    "broken.copy": _("Copy details"),
    "broken.copied": _("Copied"),
    "lost.bar": _("Connection lost {age} ago. What you see is from then; we go on trying."),
    "lost.offline": _("This device is offline since {age}. What you see is from then."),
    "lost.again": _("Try now"),
    "find.label": _("Search"),
    "find.hint": _("A server, an incident, a rule, a page"),
    "find.none": _("Nothing is called “{q}”."),
    "find.failed": _("The search did not answer: {why}"),
    "find.more": _("More are left out. Type more of the name."),
    "find.server": _("Server"),
    "find.incident": _("Incident"),
    "find.rule": _("Rule"),
    "find.page": _("Page"),
    "find.act": _("Act"),
    "find.close": _("Close"),
    "find.count.one": _("One found"),
    "find.count.other": _("{n} found"),
    "keys.title": _("Keyboard"),
    "keys.lede": _("They work while you are not typing. Keys of one letter can be switched off:"),
    "keys.off": _("Keys of one letter are switched off; those with Ctrl or Cmd work:"),
    "keys.profile": _("your profile"),
    "keys.then": _("then"),
    "keys.palette": _("Search and acts"),
    "keys.filter": _("Filter the list"),
    "keys.help": _("This list"),
    "keys.theme": _("Dark or light"),
    "keys.go": _("Go to {page}"),
    "keys.close": _("Close"),
    "theme.dark": _("Dark theme"),
    "theme.light": _("Light theme"),
}
