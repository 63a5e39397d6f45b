"""Who the client is, behind proxies of ours. Pure.

Each proxy appends the address it was called from, so with N of them the Nth from the right is the first that no client
could have written; whatever is further left is hearsay.
"""

from __future__ import annotations

from ipaddress import ip_address

FORWARDED_FOR = b"x-forwarded-for"

Headers = list[tuple[bytes, bytes]]
Address = tuple[str, int] | None


def client_of(headers: Headers, peer: Address, proxies: int) -> tuple[Headers, Address]:
    """Return the headers for the application, and the client's address (its port is not known: 0).

    Where the proxies' header cannot be true it is dropped: allauth counts in it too, and must come to the same address.
    """
    if proxies == 0:
        return headers, peer
    hops = [hop.strip() for name, value in headers if name == FORWARDED_FOR for hop in value.split(b",")]
    client = _address(hops[-proxies]) if len(hops) >= proxies else None
    if client is None:
        return [each for each in headers if each[0] != FORWARDED_FOR], peer
    return headers, (client, 0)


def _address(hop: bytes) -> str | None:
    try:
        return str(ip_address(hop.decode("ascii")))
    except ValueError:
        return None
