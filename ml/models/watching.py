"""What is known of a server's usual, when it was not usual, how often one wants to hear of it, and what is due."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.base import LOOK, TeamOwned, narrow
from accounts.models import Team, User
from core.managers import managed
from servers.models import Server, ServerRows


class Versions(ServerRows["ModelVersion"]):
    """Versions are asked for with and without what they hold: a list of them needs no blobs."""

    def light(self) -> Self:
        return self.defer("blob")

    def current(self) -> Self:
        return self.filter(state="current")


class ModelVersion(models.Model):
    """What was learnt of one server from one span of its past; never changed, only followed or put back."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="Counts up for each server.")
    state = models.CharField(max_length=10, choices=[(word, word) for word in ("current", "kept", "refused")])
    why = models.CharField(max_length=20, help_text="What it was made for, as its training said.")
    said = models.CharField(max_length=300, blank=True, help_text="Of a refused one: why.")
    columns = models.JSONField(help_text="What it looks at.")
    schema = models.CharField(max_length=16, help_text="The hash of these columns.")
    span_from = models.BigIntegerField(help_text="First row that was learnt from, milliseconds.")
    span_to = models.BigIntegerField(help_text="Last row that was learnt from, milliseconds.")
    rows = models.PositiveIntegerField()
    short = models.BooleanField(default=False, help_text="Of less than a day: it shows, and cannot alert.")
    sha256 = models.CharField(max_length=64)
    blob = models.BinaryField(help_text="Arrays as NumPy's npz, without pickle.")
    figures = models.JSONField(default=dict, help_text="How it did on what it had not seen, beside the one before.")
    made_at = models.DateTimeField()
    objects: ClassVar[Versions] = managed(Versions)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "number"], name="one_version_of_a_number"),
            models.UniqueConstraint(fields=["server"], condition=Q(state="current"), name="one_current_version"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of server {self.server_id}"


class Watch(models.Model):
    """How far one server is learnt, and what counts as unusual on it today."""

    WORDED = 0.5
    """From this score on it is kept which metrics are to blame."""

    server = models.OneToOneField(Server, models.CASCADE, primary_key=True, related_name="+")
    since = models.BigIntegerField(help_text="First sample from which it is learnt, milliseconds.")
    full_at = models.BigIntegerField(null=True, help_text="From when on it may alert, milliseconds.")
    threshold = models.FloatField(default=2.0, help_text="The combined tail that is a score of 1.")
    threshold_at = models.DateTimeField(null=True)
    maxima = models.BinaryField(default=b"", help_text="Hours since 1970 and the largest tail in each: see ml.hours.")
    version = models.ForeignKey(ModelVersion, models.SET_NULL, null=True, related_name="+")
    fresh = models.BinaryField(default=b"", help_text="How rare scores of this version were lately: made each night.")
    fresh_at = models.DateTimeField(null=True, help_text="When a night last looked at it.")
    crept = models.JSONField(
        default=list, help_text="At most five that crept away since they were learnt: column, strays, was and now."
    )
    silent = models.BooleanField(default=False, help_text="It says nothing, which is unusual by itself.")
    score = models.FloatField(null=True, help_text="While it is learnt: nobody is told, so no series has it.")
    rate = models.FloatField(null=True, help_text="The same of the share of metrics, in per cent.")
    at = models.BigIntegerField(default=0, help_text="When that was, milliseconds.")
    said = models.CharField(max_length=300, blank=True, help_text="Why nothing could be learnt yet.")
    top = models.JSONField(default=list, help_text="While the score is high: what is to blame, as of an episode.")
    top_at = models.BigIntegerField(default=0, help_text="Of which sample that was said, milliseconds.")
    objects: ClassVar[ServerRows[Watch]] = managed(ServerRows["Watch"])

    def __str__(self) -> str:
        return f"watch of server {self.server_id}"

    @property
    def stage(self) -> str:
        return self.stage_of(self.version_id, self.full_at)

    @staticmethod
    def stage_of(version: int | None, full_at: int | None) -> str:
        """waiting: nothing is learnt yet; learning: it shows and cannot alert; full."""
        if version is None:
            return "waiting"
        return "learning" if full_at is None else "full"


class Episodes(ServerRows["Episode"]):
    def open(self) -> Self:
        return self.filter(ended_at=None)


class Episode(models.Model):
    """A time in which a server was unusual; whatever alerts in it is one alert."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="The last moment in it that was unusual.")
    ended_at = models.DateTimeField(null=True, db_index=True)
    peak = models.FloatField(help_text="The highest score in it; 1 is the limit.")
    peak_at = models.DateTimeField()
    top = models.JSONField(
        default=list, help_text="At most five: column, share, z, low, high (what is usual) and value, at the peak."
    )
    version = models.PositiveIntegerField(help_text="The number of the model that judged.")
    silent = models.BooleanField(default=False, help_text="The server said nothing: no metric is to blame.")
    level = models.FloatField(default=0.0, help_text="The mean score of the last hours, to see that it is steady.")
    asked_at = models.DateTimeField(null=True, help_text="When it had lasted so long that one asks: new normal?")
    answer = models.CharField(
        max_length=10,
        blank=True,
        default="",
        choices=[("", "open"), ("normal", "normal"), ("not_normal", "not normal")],
    )
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    objects: ClassVar[Episodes] = managed(Episodes)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server"], condition=Q(ended_at=None), name="one_open_episode"),
        ]
        indexes = [models.Index(fields=["server", "began_at"], name="episodes_of_a_server")]

    def __str__(self) -> str:
        return f"episode on server {self.server_id}"


class Sensitivity(models.Model):
    """How many alerts of unusual behaviour are wanted per server and week: of a team, or of one of its servers."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    server = models.ForeignKey(Server, models.CASCADE, null=True, related_name="+")
    per_week = models.FloatField()
    changed_at = models.DateTimeField(auto_now=True)
    objects: ClassVar[TeamOwned[Sensitivity]] = managed(TeamOwned["Sensitivity"])

    class Meta:
        verbose_name_plural = "sensitivities"
        constraints = [
            models.UniqueConstraint(fields=["team"], condition=Q(server=None), name="one_sensitivity_of_a_team"),
            models.UniqueConstraint(fields=["server"], name="one_sensitivity_of_a_server"),
            models.CheckConstraint(condition=Q(per_week__gte=0, per_week__lte=168), name="sensitivity_is_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.per_week:g} a week"


class Trainings(ServerRows["Training"]):
    def visible_to(self, user: User | AnonymousUser, verb: str = LOOK) -> Self:
        """Work on the whole fleet is nobody's secret: it names no server."""
        found = super().visible_to(user, verb)
        if isinstance(user, AnonymousUser) or not user.is_active or verb != LOOK or narrow.concerns(user):
            return found
        return self.filter(Q(pk__in=found.values("pk")) | Q(server=None))

    def standing(self) -> Self:
        return self.filter(state__in=("due", "running"))


class Training(models.Model):
    """Something to learn once its time has come; what became of it stays to be seen for a while."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    server = models.ForeignKey(Server, models.CASCADE, null=True, related_name="+", help_text="Empty: of the fleet.")
    why = models.CharField(
        max_length=20,
        choices=[(word, word) for word in ("first", "day", "weekly", "regime", "asked", "thresholds")],
    )
    due_at = models.DateTimeField(db_index=True)
    span_from = models.BigIntegerField(default=0, help_text="Nothing older is learnt from, milliseconds.")
    state = models.CharField(
        max_length=10,
        default="due",
        choices=[(word, word) for word in ("due", "running", "done", "refused", "failed")],
    )
    progress = models.FloatField(default=0.0, help_text="From 0 to 1.")
    said = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    objects: ClassVar[Trainings] = managed(Trainings)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "why"], condition=Q(state__in=("due", "running")), name="one_standing_training"
            ),
            models.UniqueConstraint(
                fields=["why"],
                condition=Q(state__in=("due", "running"), server=None),
                name="one_standing_training_of_the_fleet",
            ),
        ]

    def __str__(self) -> str:
        return f"training: {self.why}"
