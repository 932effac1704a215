"""Mail from this machine itself, for the time in which the hub cannot send any: one per change, one at the end."""

from __future__ import annotations

import threading
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from watchkeeper_agent import facts
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.sample import Number

if TYPE_CHECKING:
    from watchkeeper_agent.witnesses import Values, Watched

AFTER = 300.0
PATIENCE = 20.0
MOST_WAITING = 20
PAUSES = (0.0, 30.0, 60.0, 300.0, 900.0)


class Limit:
    """One line that values of a series should not cross, with the state of each series it names."""

    def __init__(self, options: dict[str, Any]) -> None:
        try:
            self.series = str(options["series"])
            self.above = float(options["above"]) if "above" in options else None
            self.below = float(options["below"]) if "below" in options else None
            self.recover = float(options.get("recover", options["above" if "above" in options else "below"]))
            self.seconds = float(options.get("for", 0))
        except (KeyError, TypeError, ValueError) as error:
            raise Trouble(f"A mail limit in the config needs a series and above or below ({error}).") from error
        self.since: dict[str, float] = {}
        self.broken: dict[str, Number] = {}

    def judge(self, now: float, values: Values) -> list[str]:
        """What changed, as sentences."""
        said = []
        for name, value in values.items():
            if value is None or not (name == self.series or fnmatchcase(name, self.series)):
                continue
            if name in self.broken:
                self.broken[name] = value
                if not self._beyond(value, self.recover):
                    del self.broken[name]
                    said.append(f"{name} is {value} again.")
            elif self._beyond(value, self.above if self.above is not None else self.below):
                if now - self.since.setdefault(name, now) >= self.seconds:
                    self.broken[name] = value
                    said.append(self.text(name))
            else:
                self.since.pop(name, None)
        return said

    def text(self, name: str) -> str:
        side, limit = ("above", self.above) if self.above is not None else ("below", self.below)
        return f"{name} is {self.broken[name]}, {side} {limit:g}."

    def _beyond(self, value: Number, limit: float | None) -> bool:
        return limit is not None and (value > limit if self.above is not None else value < limit)


class Mailer:
    """Judges in the loop, sends on a thread of its own: a slow mail server delays no measurement."""

    def __init__(self, options: dict[str, Any], hub: str) -> None:
        recipients = options.get("to") or []
        self.to = [recipients] if isinstance(recipients, str) else [str(one) for one in recipients]
        self.url = str(options.get("url") or "")
        self.sender = str(options.get("from") or (self.to[0] if self.to else ""))
        if not self.to or not self.url.startswith(("smtp://", "smtps://")):
            raise Trouble("Mail in the config needs a url like smtp://user@mail.example.org:587, and to.")
        self.password_file = options.get("password_file")
        self.after = float(options.get("after", AFTER))
        self.limits = [Limit(one) for one in options.get("limits") or []]
        self.hub = hub
        self.away = False
        self.waiting: list[tuple[str, str]] = []
        self.change = threading.Lock()
        self.thread: threading.Thread | None = None

    def look(self, loop: Watched, at: float, values: Values) -> None:
        since, now = loop.courier.away_since, time.monotonic()
        said = [text for limit in self.limits for text in limit.judge(now, values)]
        if self.away and since is None:
            self.away = False
            self._mail(
                "The hub answers again", [f"{self.hub} takes reports again and watches from here on.", *self._open()]
            )
        elif not self.away and since is not None and now - since >= self.after:
            self.away = True
            lines = [
                f"{self.hub} has not been reached for {(now - since) / 60:.0f} minutes.",
                f"The last trouble: {loop.courier.trouble}",
                f"{loop.spool.waiting()} rows are kept here until it is back.",
            ]
            self._mail("The hub is away", lines + self._open())
        elif self.away and said:
            self._mail(said[0], said)

    def _open(self) -> list[str]:
        return [limit.text(name) for limit in self.limits for name in limit.broken]

    def _mail(self, subject: str, lines: list[str]) -> None:
        with self.change:
            self.waiting = [*self.waiting, (subject, "\n".join(lines))][-MOST_WAITING:]
            if self.thread is None:
                self.thread = threading.Thread(target=self._send_all, name="mail", daemon=True)
                self.thread.start()

    def _send_all(self) -> None:
        """Until nothing waits; a mail server that is away as well is asked ever more slowly."""
        failures = 0
        while True:
            with self.change:
                if not self.waiting:
                    self.thread = None
                    return
                first = self.waiting[0]
            try:
                send(self, *first)
            except Exception as error:  # noqa: BLE001 - of smtplib, ssl, a wrong password: all are told and tried again
                failures += 1
                say("mail", f"Mail could not be sent by {_shown(self.url)}: {type(error).__name__}: {error}")
                time.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            else:
                failures = 0
                say("mail", f"Mail was sent to {', '.join(self.to)}: {first[0]}")
                with self.change:
                    self.waiting = [one for one in self.waiting if one is not first]


def send(mailer: Mailer, subject: str, text: str) -> None:
    """One message; encrypted wherever the server can, and always before a password is told."""
    import smtplib  # noqa: PLC0415 - some MiB that only a bad day needs
    import ssl  # noqa: PLC0415 - as above
    from email.message import EmailMessage  # noqa: PLC0415 - as above
    from email.utils import formatdate, make_msgid  # noqa: PLC0415 - as above
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - as above

    parts = urlsplit(mailer.url)
    machine = facts.hostname()
    message = EmailMessage()
    message["From"], message["To"] = mailer.sender, ", ".join(mailer.to)
    message["Subject"] = "".join(letter for letter in f"[{machine}] {subject}" if letter.isprintable())[:200]
    message["Date"], message["Message-ID"] = formatdate(localtime=True), make_msgid(domain="watchkeeper.invalid")
    message["Auto-Submitted"] = "auto-generated"
    text = text.encode("utf-8", "replace").decode()  # names on a disk may be no text
    message.set_content(f"{text}\n\nSent by the Watchkeeper agent on {machine} itself.\n")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if mailer.password_file:
        with open(mailer.password_file, encoding="utf-8") as file:
            password = file.read().strip()
    host, context = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=PATIENCE)
    with server:
        if parts.scheme == "smtp":
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif user:
                raise Trouble("the server offers no encryption, so the password stays here")
        if user:
            server.login(user, password)
        server.send_message(message)


def _shown(url: str) -> str:
    """Without user and password."""
    return url.rpartition("@")[2]
