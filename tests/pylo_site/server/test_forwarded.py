from __future__ import annotations

import pytest

from pylo_site.server.forwarded import client_of

PEER = ("198.51.100.1", 5000)


def forwarded(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", value) for value in values]


@pytest.mark.parametrize(
    ("values", "proxies", "client"),
    [
        ([b"10.9.8.7, 192.0.2.1"], 0, PEER),
        ([b"10.9.8.7, 192.0.2.1"], 1, ("192.0.2.1", 0)),
        ([b"10.9.8.7, 192.0.2.1"], 2, ("10.9.8.7", 0)),
        ([b"10.9.8.7", b"192.0.2.1"], 1, ("192.0.2.1", 0)),
        ([b"192.0.2.1"], 2, PEER),
        ([b"2001:db8::1"], 1, ("2001:db8::1", 0)),
        ([b"192.0.2.1, unknown"], 1, PEER),
        ([b"192.0.2.1, \xff"], 1, PEER),
        ([], 1, PEER),
    ],
)
def test_the_client_is_the_address_that_no_client_could_have_written(
    values: list[bytes], proxies: int, client: tuple[str, int]
) -> None:
    assert client_of(forwarded(*values), PEER, proxies)[1] == client


def test_a_header_that_cannot_be_true_is_dropped_for_those_who_read_it_too() -> None:
    headers = [(b"host", b"a"), *forwarded(b"192.0.2.1")]
    assert client_of(headers, PEER, 2)[0] == [(b"host", b"a")]
    assert client_of(headers, PEER, 1)[0] == headers
