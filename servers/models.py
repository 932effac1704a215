"""What is watched: servers, their keys, and what we know of them."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from accounts.base import LOOK, M_co, ServerOwned, TeamOwned
from accounts.models import Team, User
from core.managers import managed

DEFAULT_INTERVAL = 10
LONGEST_INTERVAL = 3600
CHECK = "check"


def printable(text: str) -> None:
    """Names end up in headers of mails, in logs and in terminals: no line breaks, nothing that writes backwards."""
    if not text.isprintable():
        raise ValidationError(_("Write one line of printable characters."))


class ServerQuerySet(ServerOwned["Server"]):
    server_path: ClassVar[str] = "pk"

    def watched(self) -> Self:
        """Machines; without rows that stand for the product itself, or for a check."""
        return self.filter(internal=False)

    def judged(self) -> Self:
        """What rules, selectors and roles speak of: machines, and the rows that stand for a check."""
        return self.filter(models.Q(internal=False) | models.Q(stands_for=CHECK))

    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        return super().visible_to(user, verb).watched()

    def carrying(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """Whose series they may read: the machines they see, and the rows that stand for checks they see."""
        return super().visible_to(user, verb).judged()


class Server(models.Model):
    """One machine. It belongs to one team and speaks through its agent's keys."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="Short number within the team, for display only.")
    name = models.CharField(max_length=120)
    hostname = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=128, editable=False)
    environment = models.CharField(max_length=40, default="production")
    role = models.CharField(max_length=60, blank=True)
    site = models.CharField(max_length=60, blank=True)
    os = models.CharField(max_length=80, blank=True, help_text="As people say it, such as Debian 12.")
    family = models.CharField(max_length=20, blank=True, help_text="linux, windows or darwin.")
    tags = models.JSONField(default=list, blank=True)
    interval = models.PositiveIntegerField(default=DEFAULT_INTERVAL)
    paused = models.BooleanField(default=False)
    agent = models.CharField(max_length=40, blank=True, editable=False, help_text="Version its agent last told.")
    offered = models.CharField(
        max_length=128,
        blank=True,
        editable=False,
        help_text="Another machine's fingerprint that asked for this name.",
    )
    demo = models.BooleanField(default=False, editable=False, help_text="Simulated: part of a demo fleet.")
    internal = models.BooleanField(
        default=False, editable=False, help_text="Not a machine: a row of the product's own."
    )
    stands_for = models.CharField(
        max_length=10, blank=True, editable=False, help_text="Of a row that is no machine: what it carries series of."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)
    objects: ClassVar[ServerQuerySet] = managed(ServerQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_server_of_a_name"),
            models.UniqueConstraint(fields=["team", "number"], name="one_server_of_a_number"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What the admin's and the page's forms cannot know by themselves."""
        if not isinstance(self.tags, list) or not all(isinstance(tag, str) for tag in self.tags):
            raise ValidationError({"tags": 'Write a list of words, such as ["db", "web"].'})
        for field in ("name", "hostname", "role", "site", "environment"):
            try:
                printable(getattr(self, field))
            except ValidationError as fault:
                raise ValidationError({field: fault.messages}) from fault
        if not 1 <= (self.interval or 0) <= LONGEST_INTERVAL:
            raise ValidationError({"interval": _("From 1 second to an hour, which is 3600.")})
        # The constraint leads to the team, which no form offers: it would be met as an error of the database only.
        if Server.objects.filter(team=self.team_id, name=self.name).exclude(pk=self.pk).exists():
            raise ValidationError({"name": _("This name is taken in the team.")})

    def words(self) -> dict[str, list[str]]:
        """What a selector sees."""
        return {
            "name": [self.name, self.hostname],
            "tag": [str(tag) for tag in self.tags],
            "role": [self.role],
            "os": [self.family, *self.os.split()[:1], self.os],
            "site": [self.site],
            "env": [self.environment],
            "id": [str(self.uuid)],
        }


class ServerRows(ServerOwned[M_co]):
    """Rows that belong to a server, and so to its team."""

    team_path: ClassVar[str] = "server__team"


class AgentKey(models.Model):
    """A key of a server's agent; two may live at once, so that keys can be rotated."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="keys")
    key = models.CharField(max_length=24, unique=True)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="First use; kept for new keys.")
    replaced_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When another was handed out; it ends at that one's first use.",
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    objects: ClassVar[ServerRows[AgentKey]] = managed(ServerRows["AgentKey"])

    def __str__(self) -> str:
        return f"wka_{self.key} of {self.server}"


class OrderRows(ServerRows[M_co]):
    """Orders are asked for by whether they still stand."""

    def standing(self) -> Self:
        return self.filter(state="waiting")


class Order(models.Model):
    """Something a machine shall do, handed out in the answers to its own posts until it says what became of it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    args = models.JSONField(default=dict, help_text="Never a secret: whoever acts asks for it with its key.")
    state = models.CharField(
        max_length=10, default="waiting", choices=[(word, word) for word in ("waiting", "done", "failed", "lapsed")]
    )
    by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    handed_at = models.DateTimeField(null=True, help_text="First time it went out.")
    done_at = models.DateTimeField(null=True)
    text = models.CharField(max_length=500, blank=True, help_text="What the machine said of it.")
    objects: ClassVar[OrderRows[Order]] = managed(OrderRows["Order"])

    class Meta:
        indexes = [models.Index(fields=["server"], condition=models.Q(state="waiting"), name="standing_orders")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.server}"


class Enrolment(models.Model):
    """A short-lived invitation for machines; its secret is kept as a hash."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=24, unique=True)
    digest = models.CharField(max_length=64, editable=False)
    reusable = models.BooleanField(default=False)
    demo = models.BooleanField(default=False, editable=False, help_text="What enrols by it is simulated.")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.CharField(max_length=128, blank=True, editable=False, help_text="Fingerprint of its machine.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    objects: ClassVar[TeamOwned[Enrolment]] = managed(TeamOwned["Enrolment"])

    def __str__(self) -> str:
        return self.name


class FactSheet(models.Model):
    """What a server last told of itself: {section: {key: scalar}}, no volatile values."""

    server = models.OneToOneField(Server, models.CASCADE, primary_key=True, related_name="facts")
    digest = models.CharField(max_length=64)
    document = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects: ClassVar[ServerRows[FactSheet]] = managed(ServerRows["FactSheet"])

    def __str__(self) -> str:
        return f"facts of {self.server}"


class Change(models.Model):
    """One fact that changed: a line of the change ledger."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    section = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects: ClassVar[ServerRows[Change]] = managed(ServerRows["Change"])

    class Meta:
        indexes = [models.Index(fields=["server", "at"])]

    def __str__(self) -> str:
        return f"{self.section}.{self.key}: {self.before} -> {self.after}"


class Event(models.Model):
    """Something a server said happened; the same event told twice is one row."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=60)
    text = models.CharField(max_length=500)
    fields = models.JSONField(default=dict)

    objects: ClassVar[ServerRows[Event]] = managed(ServerRows["Event"])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "at", "kind", "text"], name="an_event_once")]

    def __str__(self) -> str:
        return self.text


def reach(age: float | None, interval: int, *, paused: bool = False) -> str:
    """Reachability by receive time: new, up, late after 3 intervals, down after 60 s or 6 intervals."""
    if paused:
        return "paused"
    if age is None:
        return "new"
    if age > max(60.0, 6.0 * interval):
        return "down"
    return "late" if age > 3.0 * interval else "up"
