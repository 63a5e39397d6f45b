from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    return Client()


def test_a_page_follows_the_system_until_the_reader_chooses(reader: Client) -> None:
    assert "data-theme" not in reader.get("/pricing/").content.decode()


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_a_choice_is_kept_and_is_in_the_first_byte_of_the_next_page(reader: Client, choice: str) -> None:
    response = reader.post("/theme/", {"theme": choice, "next": "/pricing/"})
    assert (response.status_code, response.headers["Location"]) == (302, "/pricing/")
    assert response.cookies["theme"]["httponly"]
    assert f'data-theme="{choice}"' in reader.get("/pricing/").content.decode()


def test_the_system_can_be_chosen_again(reader: Client) -> None:
    reader.post("/theme/", {"theme": "dark"})
    reader.post("/theme/", {"theme": "system"})
    assert "data-theme" not in reader.get("/pricing/").content.decode()


def test_nobody_is_sent_to_another_site(reader: Client) -> None:
    response = reader.post("/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/"


def test_an_unknown_theme_is_refused_and_nothing_is_kept(reader: Client) -> None:
    response = reader.post("/theme/", {"theme": "<script>"})
    assert response.status_code == 400
    assert "theme" not in reader.cookies


def test_a_cookie_that_makes_no_sense_is_the_system(reader: Client) -> None:
    reader.cookies["theme"] = '"><script>'
    assert "data-theme" not in reader.get("/pricing/").content.decode()


def test_another_site_cannot_choose() -> None:
    reader = Client(enforce_csrf_checks=True)
    assert reader.post("/theme/", {"theme": "dark"}).status_code == 403
    assert "theme" not in reader.cookies
