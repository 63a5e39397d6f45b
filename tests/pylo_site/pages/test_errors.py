from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.template.loader import render_to_string
from django.test import Client

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture(autouse=True)
def strangers_see_no_traceback(settings: Settings) -> None:
    settings.DEBUG = False


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "429.html", "500.html"])
def test_an_error_page_renders_without_any_context_and_has_a_way_out(name: str) -> None:
    html = render_to_string(name)
    assert 'href="/"' in html
    assert 'href="/overview/"' in html
    assert html.count("<h1>") == 1


@pytest.mark.django_db
def test_a_wrong_address_is_a_404_under_the_policy(client: Client) -> None:
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_form_without_its_token_says_that_nothing_was_changed() -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert "This form is no longer valid" in response.content.decode()
