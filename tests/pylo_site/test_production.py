"""The site as strangers meet it: https outside, HTTP behind the proxy that ends TLS, no sandbox, no debug."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOST = ("host", "pylo.example")
Request = tuple[str, str, str, tuple[tuple[str, str], ...]]
SECRET = "c" * 32
ASK = """
import asyncio, json, sys
from pylo_site.asgi import application
from tests.fakes.asgi import Caller

async def ask(method, path, body, headers):
    answer = await Caller(application)(method, path, body.encode(), headers=[tuple(pair) for pair in headers])
    return [answer.status, answer.headers, answer.body.decode()]

async def ask_all(requests):
    return [await ask(*request) for request in requests]

print(json.dumps(asyncio.run(ask_all(json.loads(sys.argv[1])))))
"""
UPSTREAMS = """
[[upstream]]
name = "one"
dialect = "moonshot"
base_url = "https://upstream.example/v1"
key_env = "UPSTREAM_KEY"
model = "kimi-k2.6"
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Production:
    environ: dict[str, str]

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environ = {**self.environ, **settings}
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    def ask(self, *requests: Request) -> list[Answer]:
        asked = [[method, path, body, [HOST, *headers]] for method, path, body, headers in requests]
        done = self.run("-c", ASK, json.dumps(asked))
        assert done.returncode == 0, done.stderr
        return [Answer(*answer) for answer in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Production:
    root = tmp_path_factory.mktemp("production")
    (root / "upstreams.toml").write_text(UPSTREAMS)
    settings = {
        "PYLO_SANDBOX": "0",
        "PYLO_DEBUG": "0",
        "PYLO_PUBLIC_URL": "https://pylo.example",
        "PYLO_UPSTREAMS": str(root / "upstreams.toml"),
        "UPSTREAM_KEY": "k",
        "PYLO_STATIC_ROOT": str(root / "static"),
        "PYLO_JOURNAL_DIR": str(root / "journal"),
    }
    made = Production({**os.environ, **settings})  # noqa: TID251 - handed on whole
    assert made.run("manage.py", "collectstatic", "--noinput").returncode == 0
    return made


def form(origin: str) -> Request:
    kind = ("content-type", "application/x-www-form-urlencoded")
    headers = (kind, ("origin", origin), ("cookie", f"__Host-csrftoken={SECRET}"))
    return ("POST", "/theme/", f"csrfmiddlewaretoken={SECRET}&theme=dark", headers)


def test_a_form_of_our_own_is_taken_though_the_proxy_speaks_plain_http(production: Production) -> None:
    (answer,) = production.ask(form("https://pylo.example"))
    assert (answer.status, answer.headers.get("Location")) == (302, "/")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_form_of_another_site_is_refused(production: Production) -> None:
    answers = production.ask(*map(form, ("https://evil.example", "http://pylo.example", "null")))
    assert [(answer.status, "Set-Cookie" in answer.headers) for answer in answers] == [(403, False)] * 3


def test_cookies_are_bound_to_the_host_and_the_sandbox_is_not_there(production: Production) -> None:
    login, *gone = production.ask(
        ("GET", "/accounts/login/", "", ()),
        ("GET", "/outbox/", "", ()),
        ("POST", "/billing/webhooks/payments/", "", ()),
    )
    cookie = login.headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert ("Secure" in cookie, "Path=/" in cookie, "Domain" in cookie) == (True, True, False)
    assert [answer.status for answer in gone] == [404, 404]


def test_django_finds_nothing_to_object_to(production: Production) -> None:
    done = production.run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stderr) == (0, "")
