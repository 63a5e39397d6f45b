from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

from accounts.models import Role, User
from accounts.tenancy import MemberRequest, member

if TYPE_CHECKING:
    from tests.accounts.conftest import Cast


@member(Role.OWNER, Role.DEVELOPER)
def guarded(request: MemberRequest) -> HttpResponse:
    return HttpResponse(f"{request.workspace} {request.role}")


@member()
def cached(request: MemberRequest) -> HttpResponse:
    return HttpResponse(headers={"Cache-Control": "private, max-age=5"})


def call(user: User | AnonymousUser, *, view: object = guarded) -> HttpResponse:
    request = RequestFactory().get("/somewhere/")
    request.user = user
    assert callable(view)
    response = view(request)
    assert isinstance(response, HttpResponse)
    return response


def test_a_member_of_the_role_gets_their_own_workspace(people: Cast) -> None:
    assert call(people.alice).content == b"Acme owner"
    assert call(people.bob).content == b"Acme developer"
    assert call(people.charlie).content == b"Elsewhere owner"


def test_a_member_of_another_role_is_refused(people: Cast) -> None:
    with pytest.raises(PermissionDenied):
        call(people.victor)


def test_a_visitor_is_sent_to_sign_in(people: Cast) -> None:
    assert call(AnonymousUser())["Location"] == "/accounts/login/?next=/somewhere/"


def test_an_answer_is_not_stored_unless_the_view_says_so(people: Cast) -> None:
    assert call(people.alice)["Cache-Control"] == "no-store"
    assert call(people.alice, view=cached)["Cache-Control"] == "private, max-age=5"
