"""What stands in the audit trail, in plain words: the actions, and the fields that they changed."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

ACTIONS = {
    "anomalies.answer": gettext_lazy("answered about something unusual"),
    "anomalies.sensitivity": gettext_lazy("set how soon something is unusual"),
    "chain.add": gettext_lazy("added a chain"), "chain.change": gettext_lazy("changed a chain"),
    "chain.remove": gettext_lazy("removed a chain"),
    "channel.add": gettext_lazy("added a channel"), "channel.change": gettext_lazy("changed a channel"),
    "channel.remove": gettext_lazy("removed a channel"), "channel.test": gettext_lazy("tried a channel"),
    "check.add": gettext_lazy("added a check"), "check.change": gettext_lazy("changed a check"),
    "check.remove": gettext_lazy("removed a check"), "check.tag": gettext_lazy("tagged checks"),
    "delivery.retry": gettext_lazy("sent a message again"),
    "demo.begin": gettext_lazy("started the demo"),
    "enrolment.make": gettext_lazy("made a line that adds a server"),
    "enrolment.revoke": gettext_lazy("took back a line that adds a server"),
    "file.take": gettext_lazy("took a file of rules in"),
    "incident.acknowledge": gettext_lazy("acknowledged an incident"),
    "incident.note": gettext_lazy("wrote a note"), "incident.resolve": gettext_lazy("closed an incident"),
    "incident.unacknowledge": gettext_lazy("gave an incident back"),
    "invitation.accept": gettext_lazy("accepted an invitation"), "invitation.make": gettext_lazy("invited somebody"),
    "invitation.resend": gettext_lazy("sent an invitation again"),
    "invitation.revoke": gettext_lazy("took back an invitation"),
    "key.revoke": gettext_lazy("took an agent's key away"),
    "limit.begin": gettext_lazy("must wait after too many tries"),
    "limit.clear": gettext_lazy("let somebody try again"),
    "mail.test": gettext_lazy("sent a test by mail"),
    "member.add": gettext_lazy("added a member"), "member.change": gettext_lazy("changed a member's role"),
    "member.remove": gettext_lazy("removed a member"),
    "models.roll_back": gettext_lazy("took an older model"), "models.train": gettext_lazy("asked for training"),
    "password.ask": gettext_lazy("asked for a new password"), "password.change": gettext_lazy("changed a password"),
    "password.link": gettext_lazy("made a link for a new password, by a command"),
    "person.change": gettext_lazy("changed an account"), "person.disable": gettext_lazy("disabled an account"),
    "person.enable": gettext_lazy("enabled an account"),
    "person.owner": gettext_lazy("changed who owns the site"),
    "person.reset_link": gettext_lazy("made a link for a new password"),
    "preference.change": gettext_lazy("changed own notifications"),
    "profile.ask_email": gettext_lazy("asked for another address"),
    "profile.change": gettext_lazy("changed the own profile"),
    "profile.change_email": gettext_lazy("changed the own address"),
    "provider.connect": gettext_lazy("connected another sign-in"),
    "push.subscribe": gettext_lazy("switched messages of a browser on"),
    "push.unsubscribe": gettext_lazy("switched messages of a browser off"),
    "recovery_code.use": gettext_lazy("used a recovery code"),
    "report.cancel": gettext_lazy("stopped a report"), "report.forget": gettext_lazy("removed a report"),
    "report.make": gettext_lazy("asked for a report"),
    "report_schedule.change": gettext_lazy("changed a scheduled report"),
    "report_schedule.make": gettext_lazy("scheduled a report"),
    "report_schedule.remove": gettext_lazy("removed a scheduled report"),
    "report_schedule.stop": gettext_lazy("stopped a scheduled report"),
    "request.refuse": gettext_lazy("was refused"),
    "rule.change": gettext_lazy("changed a rule"), "rule.make": gettext_lazy("made a rule"),
    "rule.remove": gettext_lazy("removed a rule"),
    "schedule.add": gettext_lazy("added a schedule"), "schedule.change": gettext_lazy("changed a schedule"),
    "schedule.remove": gettext_lazy("removed a schedule"),
    "second_factor.remove": gettext_lazy("removed a second step"),
    "second_factor.wrong": gettext_lazy("gave a wrong code"),
    "server.accept": gettext_lazy("accepted a server"), "server.change": gettext_lazy("changed a server"),
    "server.remove": gettext_lazy("removed a server"), "server.rotate": gettext_lazy("renewed an agent's key"),
    "session.end": gettext_lazy("ended a session"), "session.link": gettext_lazy("signed in by a link"),
    "session.refuse": gettext_lazy("was not let in"),
    "sign_in": gettext_lazy("signed in"), "sign_in.wrong": gettext_lazy("gave a wrong password"),
    "sign_out": gettext_lazy("signed out"),
    "silence.change": gettext_lazy("changed a silence"), "silence.end": gettext_lazy("ended a silence"),
    "silence.make": gettext_lazy("made a silence"),
    "team.change": gettext_lazy("changed a team"), "team.make": gettext_lazy("made a team"),
    "team.remove": gettext_lazy("removed a team"),
    "token.make": gettext_lazy("made a token"), "token.revoke": gettext_lazy("took a token back"),
    "user.create": gettext_lazy("made an account"),
    "view.change": gettext_lazy("changed a saved view"), "view.make": gettext_lazy("saved a view"),
    "view.remove": gettext_lazy("removed a saved view"),
    "way.add": gettext_lazy("added a way to be told"), "way.change": gettext_lazy("changed a way to be told"),
    "way.remove": gettext_lazy("removed a way to be told"),
}  # fmt: skip
TRIED = {
    "sign_in.wrong": gettext_lazy("gave a wrong password for"),
    "second_factor.wrong": gettext_lazy("gave a wrong code for"),
    "password.ask": gettext_lazy("asked for a new password for"),
}
FIELDS = {
    "for_seconds": gettext_lazy("How long it must last"), "for": gettext_lazy("How long it must last"),
    "keep_firing_seconds": gettext_lazy("It must be good for"),
    "keep_firing_for": gettext_lazy("It must be good for"),
    "warn_recover": gettext_lazy("Warning is over at"), "critical_recover": gettext_lazy("Critical is over at"),
    "group_by": gettext_lazy("Told together"), "group_wait": gettext_lazy("Wait for others"),
    "repeat_intervals": gettext_lazy("Say it again after"),
    "op": gettext_lazy("Above or below"), "warn": gettext_lazy("Warning limit"),
    "critical": gettext_lazy("Critical limit"), "notify": gettext_lazy("Whom it tells"),
    "starts_at": gettext_lazy("From"), "ends_at": gettext_lazy("Until"), "recurs": gettext_lazy("Repeats"),
    "is_active": gettext_lazy("May sign in"), "is_superuser": gettext_lazy("Site owner"),
    "config": gettext_lazy("Settings"),
    "storm_cap": gettext_lazy("Most messages in ten minutes"), "runbook": gettext_lazy("What to do"),
    "labels": gettext_lazy("Labels"), "params": gettext_lazy("Details"), "why": gettext_lazy("Why"),
}  # fmt: skip


def action_name(action: str) -> str:
    """An action of a part that is not known here is told as it stands, without its signs."""
    return str(ACTIONS[action]) if action in ACTIONS else action.replace(".", ": ").replace("_", " ")


def deed(action: str) -> str:
    """As what stands before the person it was tried for."""
    return str(TRIED[action]) if action in TRIED else action_name(action)


def field_name(field: str) -> str:
    return str(FIELDS[field]) if field in FIELDS else field.replace("_", " ").capitalize()


def choices() -> list[tuple[str, Any]]:
    """Every action by its name, for a list to choose from."""
    named = sorted((str(name), action) for action, name in ACTIONS.items())
    return [("", _("Anything")), *((action, name[:1].upper() + name[1:]) for name, action in named)]
