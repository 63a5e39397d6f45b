"""Accounts in the admin. No page here shows a secret or its digest, or makes a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Membership, Tier, User, Workspace

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    UserPages = admin.ModelAdmin[User]
    TierPages = admin.ModelAdmin[Tier]
    WorkspacePages = admin.ModelAdmin[Workspace]
    ApiKeyPages = admin.ModelAdmin[ApiKey]
    MembershipRows = admin.TabularInline[Membership, Workspace]
else:  # the stubs' classes are generic, Django's are not
    UserPages = TierPages = WorkspacePages = ApiKeyPages = admin.ModelAdmin
    MembershipRows = admin.TabularInline


@admin.register(User)
class UserAdmin(UserPages):
    fields = ("email", "joined_at", "last_login", "is_active", "is_staff", "is_superuser", "groups")
    readonly_fields = ("email", "joined_at", "last_login")
    list_display = ("email", "joined_at", "last_login", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email",)
    ordering = ("-joined_at",)
    filter_horizontal = ("groups",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - people sign up, or `createsuperuser`
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        own = self.readonly_fields
        # Only a superuser makes staff: else the right to edit users would be the right to everything.
        return own if request.user.is_superuser else (*own, "is_staff", "is_superuser", "groups")


class MembershipInline(MembershipRows):
    model = Membership
    raw_id_fields = ("user",)
    readonly_fields = ("created_at",)
    extra = 0


@admin.register(Tier)
class TierAdmin(TierPages):
    list_display = ("name", "requests_per_minute", "tokens_per_minute", "concurrent_requests", "is_first")
    ordering = ("requests_per_minute",)


@admin.register(Workspace)
class WorkspaceAdmin(WorkspacePages):
    fields = ("id", "name", "tier", "created_at", "suspended_at")
    readonly_fields = ("id", "created_at")
    list_display = ("name", "id", "tier", "created_at", "suspended_at")
    list_select_related = ("tier",)
    list_filter = ("tier",)
    search_fields = ("name", "id", "members__email")
    inlines = (MembershipInline,)


LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")  # empty: the workspace's alone


@admin.register(ApiKey)
class ApiKeyAdmin(ApiKeyPages):
    fields = (
        "id",
        "workspace",
        "name",
        "masked",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
        *LIMITS,
    )
    readonly_fields = tuple(field for field in fields if field not in LIMITS)
    list_display = ("masked", "name", "workspace", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("workspace",)
    search_fields = ("=id", "name", "prefix", "last_four", "workspace__name")
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - as above
        return False

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        now = timezone.now()
        revoked = sum(keys.revoke(key, now) for key in queryset)
        self.message_user(request, f"{revoked} key(s) revoked.")
