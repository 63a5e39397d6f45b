from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cors import ANY_ORIGIN, MOST_NAMES, TOKEN, preflight

# What the official client in a browser asks for, in the versions we tried.
ASKED = (
    b"authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,"
    b"x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"
)


def allowed(*asked: bytes) -> list[str]:
    return dict(preflight(("POST", "OPTIONS"), asked))[b"access-control-allow-headers"].decode().split(", ")


def test_a_page_may_send_what_the_official_client_sends() -> None:
    assert set(ASKED.decode().split(",")) <= set(allowed(ASKED))


def test_a_page_is_told_methods_and_for_how_long_it_holds() -> None:
    answer = dict(preflight(("POST", "OPTIONS"), []))
    assert answer[b"access-control-allow-methods"] == b"POST, OPTIONS"
    assert answer[b"access-control-max-age"] == b"7200"


def test_a_new_header_is_allowed_by_its_name_and_each_once() -> None:
    assert allowed(b"X-New, AUTHORIZATION", b"x-new") == [
        *("authorization", "content-type", "x-request-id", "idempotency-key", "x-pylo-max-cost", "x-new")
    ]


@pytest.mark.parametrize("name", [b"", b"a b", b"a\r\nset-cookie: x", b"<script>", b"\xe9", b"x" * 65, b"a:b"])
def test_what_is_no_name_is_not_echoed(name: bytes) -> None:
    assert allowed(name) == allowed()


@given(st.lists(st.binary(max_size=100), max_size=200))
def test_whatever_is_asked_the_answer_is_a_short_list_of_names(asked: list[bytes]) -> None:
    names = allowed(*asked)
    assert all(TOKEN.fullmatch(name.encode()) for name in names)
    assert len(names) <= MOST_NAMES + 5


def test_a_page_may_read_what_clients_act_on_and_sends_no_credentials() -> None:
    headers = dict(ANY_ORIGIN)
    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in headers
    readable = headers[b"access-control-expose-headers"].decode().split(", ")
    assert {"x-request-id", "retry-after", "retry-after-ms", "x-should-retry"} <= set(readable)
    assert {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "openai-processing-ms"} <= set(readable)
    assert {"server-timing", "x-pylo-attempts"} <= set(readable)
