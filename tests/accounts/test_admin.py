from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import ApiKey, Tier, User
from tests.cast import make_user, signed_in

if TYPE_CHECKING:
    from tests.accounts.conftest import Cast


@pytest.fixture
def admin(db: None) -> Client:
    user = make_user("root@example.com")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    return signed_in(user)


def test_a_visitor_of_the_admin_signs_in_where_everybody_does(db: None) -> None:
    response = Client().get("/admin/accounts/user/", follow=True)
    assert response.redirect_chain[-1] == ("/accounts/login/?next=%2Fadmin%2Faccounts%2Fuser%2F", 302)


def test_the_admins_own_sign_in_form_cannot_be_posted_to(db: None) -> None:
    make_user("root@example.com", password="five loud green otters")
    client = Client()
    form = {"username": "root@example.com", "password": "five loud green otters"}
    assert client.post("/admin/login/", form)["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_a_customer_is_refused_by_the_admin(people: Cast) -> None:
    assert signed_in(people.alice).get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("model", ["user", "workspace", "apikey", "tier"])
def test_the_lists_render(people: Cast, admin: Client, model: str) -> None:
    assert admin.get(f"/admin/accounts/{model}/?q=alice").status_code == 200


def test_no_page_of_a_key_shows_its_digest_or_lets_it_be_changed(people: Cast, admin: Client) -> None:
    url = f"/admin/accounts/apikey/{people.key.pk}/change/"
    page = admin.get(url).content.decode()
    assert people.key.masked in page
    assert bytes(people.key.digest).hex() not in page
    assert people.token.secret not in page
    assert 'name="name"' not in page


def test_keys_are_neither_made_nor_deleted_there(people: Cast, admin: Client) -> None:
    assert admin.get("/admin/accounts/apikey/add/").status_code == 403
    assert admin.post(f"/admin/accounts/apikey/{people.key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiKey.objects.count() == 1


def test_support_can_revoke_a_key(people: Cast, admin: Client) -> None:
    admin.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": str(people.key.pk)})
    people.key.refresh_from_db()
    assert people.key.revoked_at is not None


def test_a_users_page_has_no_password_and_a_workspaces_page_its_members(people: Cast, admin: Client) -> None:
    page = admin.get(f"/admin/accounts/user/{people.alice.pk}/change/").content.decode()
    assert people.alice.password not in page
    page = admin.get(f"/admin/accounts/workspace/{people.acme.pk}/change/").content.decode()
    assert "bob@example.com" in page


def test_staff_who_may_edit_users_cannot_make_themselves_superusers(people: Cast) -> None:
    clerk = make_user("clerk@example.com")
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    form = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert signed_in(clerk).post(f"/admin/accounts/user/{clerk.pk}/change/", form).status_code == 302
    assert not User.objects.get(pk=clerk.pk).is_superuser


def test_tiers_are_rows_and_a_workspace_is_moved_between_them(people: Cast, admin: Client) -> None:
    form = {"name": "Huge", "requests_per_minute": 1, "tokens_per_minute": 2, "concurrent_requests": 3}
    assert admin.post("/admin/accounts/tier/add/", form).status_code == 302
    huge = Tier.objects.get(name="Huge")
    page = f"/admin/accounts/workspace/{people.acme.pk}/change/"
    memberships = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    assert admin.post(page, {"name": "Acme", "tier": huge.pk, **memberships}).status_code == 302
    people.acme.refresh_from_db()
    assert people.acme.tier == huge


def test_a_tier_of_nothing_is_refused(admin: Client) -> None:
    form = {"name": "Zero", "requests_per_minute": 0, "tokens_per_minute": 2, "concurrent_requests": 3}
    assert b"greater than or equal to 1" in admin.post("/admin/accounts/tier/add/", form).content
    assert not Tier.objects.filter(name="Zero").exists()


def test_a_key_is_given_lower_limits(people: Cast, admin: Client) -> None:
    page = f"/admin/accounts/apikey/{people.key.pk}/change/"
    form = {"requests_per_minute": 5, "tokens_per_minute": "", "concurrent_requests": ""}
    assert admin.post(page, form).status_code == 302
    people.key.refresh_from_db()
    assert (people.key.requests_per_minute, people.key.tokens_per_minute) == (5, None)
