from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve

from billing.models import Price
from pylo_site.pages.urls import urlpatterns

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

PUBLIC = (
    *("/", "/docs/quickstart/", "/models/kimi-k2.6/", "/pricing/", "/reliability/", "/privacy/", "/status/"),
    "/docs/receipts/",
)
HREF = re.compile(r'(?:href|action)="(/[^"]*)"')
PRINTED_CURL = (
    "curl https://api.pylo.sh/v1/chat/completions "
    '-H "Authorization: Bearer $PYLO_API_KEY" -H "Content-Type: application/json" '
    """-d '{ "model": "moonshotai/kimi-k2.6", "stream": true, "messages": [ """
    """{"role": "user", "content": "Write a haiku about routing tables."} ] }'"""
)
PRINTED_PYTHON = (
    "import os from openai import OpenAI "
    'client = OpenAI( base_url="https://api.pylo.sh/v1", api_key=os.environ["PYLO_API_KEY"], ) '
    'stream = client.chat.completions.create( model="moonshotai/kimi-k2.6", stream=True, '
    'messages=[ {"role": "user", "content": "Write a haiku about routing tables."}, ], ) '
    "for chunk in stream: delta = chunk.choices[0].delta.content if delta: "
    'print(delta, end="", flush=True)'
)


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def sample(html: str, name: str) -> str:
    """Return a code sample with its line breaks and indents as single spaces."""
    found = re.search(rf'<pre id="sample-{name}">(.*?)</pre>', html, re.DOTALL)
    assert found is not None
    return re.sub(r"\s*\\?\s+", " ", found[1]).strip()


@pytest.mark.django_db
@pytest.mark.parametrize("path", PUBLIC)
def test_a_visitor_reads_every_public_page(client: Client, path: str) -> None:
    html = page(client, path)
    assert html.count("<h1") == 1
    assert '<main id="main"' in html


@pytest.mark.django_db
@pytest.mark.parametrize("path", PUBLIC)
def test_every_link_on_a_public_page_leads_somewhere(client: Client, path: str) -> None:
    for target in set(HREF.findall(page(client, path))):
        plain = urlsplit(target).path
        if plain.startswith("/static/"):
            continue
        try:
            resolve(plain)
        except Resolver404:
            pytest.fail(f"{path} links to {target}, which nothing serves")


@pytest.mark.django_db
def test_every_address_of_the_pages_answers_under_the_policy(client: Client) -> None:
    for pattern in urlpatterns:
        response = client.get(f"/{pattern.pattern}")
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


@pytest.mark.django_db
def test_the_prices_on_the_page_are_those_of_the_price_book(client: Client) -> None:
    Price.objects.update(input_nanos=1_234, output_nanos=5_000, cached_nanos=7)
    html = page(client, "/pricing/")
    assert re.findall(r"\$[\d.]+", html)[:3] == ["$1.234", "$5.00", "$0.007"]
    assert "$0.90" not in html


@pytest.mark.django_db
def test_the_example_adds_up_to_the_bill_of_that_request(client: Client) -> None:
    assert "$0.0026019" in page(client, "/pricing/")


@pytest.mark.django_db
def test_a_book_without_a_price_is_said_and_not_papered_over(client: Client) -> None:
    Price.objects.all().delete()
    assert "No price is in force" in page(client, "/pricing/")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/docs/quickstart/", "/models/kimi-k2.6/"])
def test_the_samples_are_as_printed_with_the_readers_own_base_url(
    client: Client, settings: Settings, path: str
) -> None:
    settings.PYLO_API_BASE_URL = "https://pylo.example.org/v1"
    html = page(client, path)
    own = "https://pylo.example.org/v1"
    assert sample(html, "curl") == PRINTED_CURL.replace("https://api.pylo.sh/v1", own)
    assert sample(html, "python") == PRINTED_PYTHON.replace("https://api.pylo.sh/v1", own)
    assert "api.pylo.sh" not in html


@pytest.mark.django_db
def test_the_model_card_has_every_row(client: Client) -> None:
    html = page(client, "/models/kimi-k2.6/")
    rows = re.findall(r"<dt>\s*(.*?)\s*</dt>\s*<dd[^>]*>\s*(.*?)\s*</dd>", html)
    assert rows == [
        ("Model slug", "moonshotai/kimi-k2.6"),
        ("Display name", "Kimi K2.6"),
        ("Context length", "262144 tokens"),
        ("Input", "text"),
        ("Output", "text"),
        ("Supported features", "reasoning, structured_outputs, tools"),
    ]


def test_robots_are_kept_out_of_the_portal(client: Client) -> None:
    response = client.get("/robots.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content.decode() == (
        "User-agent: *\nDisallow: /overview/\nDisallow: /accounts/login/\nDisallow: /admin/\n"
    )


def test_the_old_name_of_the_icon_leads_to_the_icon(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert (response.status_code, response.headers["Location"]) == (301, "/static/img/favicon.svg")
