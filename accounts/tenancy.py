"""Which workspace a portal request is about. A view behind `member` sees `request.workspace` alone."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.models import Membership, Role, User, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of a signed-in member; only `member` makes one."""

    user: User
    workspace: Workspace
    role: Role


def member(
    *roles: Role,
) -> Callable[
    [Callable[Concatenate[MemberRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """Let in only members, of one of `roles` when any are named; visitors are sent to sign in, others get a 403."""

    def decorate(
        view: Callable[Concatenate[MemberRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        @login_required
        def guarded(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            membership = Membership.objects.select_related("workspace").filter(user=request.user).order_by("id").first()
            if membership is None or (roles and membership.role not in roles):
                raise PermissionDenied
            request.workspace = membership.workspace
            request.role = Role(membership.role)
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return cast("Callable[Concatenate[HttpRequest, P], HttpResponse]", guarded)

    return decorate
