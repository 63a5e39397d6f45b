"""Who may call: people, the workspaces they belong to, and the keys a workspace calls with."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


KEY_NAME_LENGTH = 60
ONE_OR_MORE = MinValueValidator(1)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; the e-mail address is the login and is unique whatever its case."""

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_unique_whatever_case"),)

    def __str__(self) -> str:
        return self.email


class Tier(models.Model):
    """What the workspaces of one tier may use a minute and at once. A change reaches running gateways in seconds."""

    name = models.CharField(max_length=40, unique=True)
    requests_per_minute = models.PositiveIntegerField(validators=[ONE_OR_MORE])
    tokens_per_minute = models.PositiveIntegerField(validators=[ONE_OR_MORE])
    concurrent_requests = models.PositiveIntegerField(validators=[ONE_OR_MORE])
    is_first = models.BooleanField("new workspaces start in it", default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("is_first",), condition=models.Q(is_first=True), name="tier_first_once"),
            models.CheckConstraint(
                condition=models.Q(requests_per_minute__gt=0, tokens_per_minute__gt=0, concurrent_requests__gt=0),
                name="tier_limits_are_positive",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Workspace(models.Model):
    """The tenant: it owns keys, pays, and every query is scoped by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    tier = models.ForeignKey(Tier, null=True, blank=True, on_delete=models.PROTECT, related_name="workspaces")
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workspace", "user"), name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def of(self, workspace: Workspace) -> ApiKeyQuerySet:
        return self.filter(workspace=workspace)

    def usable(self, at: datetime) -> ApiKeyQuerySet:
        alive = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=at)
        return self.filter(alive, revoked_at__isnull=True)


class ApiKey(models.Model):
    """A key's record. The secret itself is shown once and never stored: only its HMAC is (`accounts.tokens`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=KEY_NAME_LENGTH)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    prefix = models.CharField(max_length=16, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[ONE_OR_MORE])
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[ONE_OR_MORE])
    concurrent_requests = models.PositiveIntegerField(null=True, blank=True, validators=[ONE_OR_MORE])
    form_token = models.UUIDField(null=True, editable=False)  # the form that made it: sent twice, it makes one key

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=("workspace", "-created_at"), name="apikey_by_workspace"),)
        constraints = (models.UniqueConstraint(fields=("workspace", "form_token"), name="apikey_once_per_form"),)

    def __str__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        return f"{self.prefix}…{self.last_four}"

    def state(self, at: datetime) -> str:
        """Return 'revoked', 'expired' or 'active' at that moment."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "active"
