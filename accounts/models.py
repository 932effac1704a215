"""People, the teams they work in, and the tokens that act for them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models

from accounts.base import TeamOwned
from accounts.limits import Limit
from accounts.roles import ACT, LOOK, ROLES, holding
from core import zones
from core.managers import managed

__all__ = ["ApiToken", "Audit", "Invitation", "Limit", "Membership", "Team", "User"]

LANGUAGES = [("", "Browser"), *settings.LANGUAGES]
ROLE_CHOICES = [(role, role.capitalize()) for role in ROLES]
THEMES = [("", "System"), ("dark", "Dark"), ("light", "Light")]
INVITED_FOR = timedelta(days=7)


class UserManager(BaseUserManager["User"]):
    """People sign in by e-mail address; there are no user names."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person. A superuser is a site owner: above all teams."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    language = models.CharField(max_length=10, blank=True, choices=LANGUAGES, help_text="Empty: the browser's.")
    zone = models.CharField(max_length=64, blank=True, help_text="Such as Europe/Copenhagen; empty: the browser's.")
    theme = models.CharField(max_length=6, blank=True, choices=THEMES)
    simple = models.BooleanField(default=False, help_text="Plain words and fewer numbers on every page.")
    single_keys = models.BooleanField(default=True, help_text="Keys such as a and j act without Ctrl.")
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    within: str = ""
    """The selector of the token by which this request speaks; empty where it is none, or reaches as far as they."""

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    @property
    def clock(self) -> ZoneInfo:
        """The zone in which this person is told times; UTC where they chose none."""
        return zones.find(self.zone) or zones.UTC

    def may(self, verb: str, team: Team | None = None, *, some: bool = False) -> bool:
        """Whether this person may do that in the team, or in any; `some` means at least with some of its servers.

        Whoever is narrowed looks at what belongs to a whole team and acts on what they see, and does no more to it.
        """
        some = some or verb in {LOOK, ACT}
        if not self.is_active or (self.within and not some):
            return False
        if self.is_superuser:
            return True
        members = self.memberships.filter(team=team) if team else self.memberships.all()
        return any(verb in ROLES[member.role] and (some or not member.selector) for member in members)


class TeamQuerySet(TeamOwned["Team"]):
    team_path: ClassVar[str] = ""

    def visible_to(self, user: Any, verb: str = LOOK) -> TeamQuerySet:
        """Whoever acts on some of its servers acts in the team: they silence what they may see."""
        some = verb in {LOOK, ACT}
        if not user.is_active or (user.within and not some):
            return self.none()
        if user.is_superuser:
            return self.all()
        mine = Membership.objects.filter(user=user.pk, role__in=holding(verb))
        return self.filter(pk__in=(mine if some else mine.filter(selector="")).values_list("team", flat=True))


class Standing(models.Manager["Team"]):
    """The teams there are. One that was removed is reached by what is still told of it alone."""

    def get_queryset(self) -> TeamQuerySet:
        return TeamQuerySet(self.model, using=self._db).filter(removed_at=None)

    def visible_to(self, user: Any, verb: str = LOOK) -> TeamQuerySet:
        return self.get_queryset().visible_to(user, verb)


class Team(models.Model):
    """Who shares servers, rules and channels. Every such thing belongs to exactly one team."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, unique=True)
    require_second_factor = models.BooleanField(
        default=False, help_text="Members without a second factor must set one up before they see anything."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects: ClassVar[TeamQuerySet] = Standing()  # type: ignore[assignment]
    ever: ClassVar[TeamQuerySet] = managed(TeamQuerySet)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=ROLE_CHOICES)
    selector = models.CharField(max_length=500, blank=True, help_text="Only these servers, such as tag:db.")
    by_groups = models.BooleanField(default=False, help_text="Given by groups of the sign-in service, and taken so.")
    created_at = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[TeamOwned[Membership]] = managed(TeamOwned["Membership"])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_role_in_a_team")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.team}"


class Invitation(models.Model):
    """A door for one person into one team; only the hash of its secret is kept."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=ROLE_CHOICES)
    selector = models.CharField(max_length=500, blank=True)
    key = models.CharField(max_length=24, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    objects: ClassVar[TeamOwned[Invitation]] = managed(TeamOwned["Invitation"])

    def __str__(self) -> str:
        return f"{self.email} to {self.team}"


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def visible_to(self, user: Any) -> Self:
        """One's own, whoever asks."""
        return self.filter(user=user.pk)


class UserSession(models.Model):
    """A browser in which somebody is signed in; `key` leads to Django's row, which may be gone by now."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    key = models.CharField(max_length=40, unique=True, editable=False)
    address = models.GenericIPAddressField(null=True, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[UserSessionQuerySet] = managed(UserSessionQuerySet)

    class Meta:
        verbose_name = "session"

    def __str__(self) -> str:
        return f"{self.user}, {self.browser}"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: Any) -> Self:
        """One's own; a site owner sees whose there are."""
        owner = getattr(user, "is_superuser", False) and user.is_active and not user.within
        return self.all() if owner else self.filter(user=user.pk)


class ApiToken(models.Model):
    """A key that acts as its user within its scopes; only the hash of its secret is kept."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    key = models.CharField(max_length=24, unique=True, help_text="The public part, as in wkt_<key>.<secret>.")
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list, help_text='"all", or a list such as servers:read, rules:write.')
    selector = models.CharField(max_length=500, blank=True, help_text="Only these servers, such as tag:db.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects: ClassVar[ApiTokenQuerySet] = managed(ApiTokenQuerySet)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def allows(self, resource: str, *, write: bool) -> bool:
        wanted = {"all", f"{resource}:write"} if write else {"all", f"{resource}:read", f"{resource}:write"}
        return bool(wanted & set(self.scopes))


class AuditQuerySet(TeamOwned["Audit"]):
    """Questions alone: what was written down stays as it is."""

    def update(self, **_fields: Any) -> int:
        raise NeverEdited

    def delete(self) -> tuple[int, dict[str, int]]:
        raise NeverEdited

    def expire(self, before: datetime) -> int:
        """Forget what is older than it is kept; the database itself refuses what is younger than 30 days."""
        return int(self.filter(at__lt=before)._raw_delete(self.db))


class NeverEdited(TypeError):
    """Somebody tried to change the audit trail."""

    def __init__(self) -> None:
        super().__init__("The audit trail is never edited; what is older than it is kept is expired.")


class Audit(models.Model):
    """Who changed what: one row a write by a person, never edited."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=254, help_text="Kept as text: it outlives the account.")
    action = models.CharField(max_length=60, help_text="Such as server.change or key.revoke.")
    target = models.CharField(max_length=200, help_text="Its name at that time.")
    target_id = models.CharField(max_length=40, blank=True, db_index=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    over = models.CharField(max_length=100, blank=True, help_text="Page, API or admin; of a token its name.")
    address = models.GenericIPAddressField(null=True, blank=True)
    objects: ClassVar[AuditQuerySet] = managed(AuditQuerySet)

    class Meta:
        verbose_name = "entry of the audit trail"
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["action", "-at"], name="audit_by_action")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise NeverEdited
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise NeverEdited
