"""CORS for SDKs in browsers (fetch.spec.whatwg.org, "CORS protocol"). Pure.

Any origin may call and none sends credentials: a key is in `Authorization`, never in a cookie, so no page can use what
it does not have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.errors import Headers

LIMITED: Final = ("requests", "tokens")
READABLE: Final = (
    *("x-request-id", "x-pylo-request-id", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms"),
    *("server-timing", "x-pylo-attempts", "x-pylo-max-cost", "x-pylo-cost", "x-pylo-balance"),
    *(f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset") for kind in LIMITED),
)
SENDABLE: Final = ("authorization", "content-type", "x-request-id", "idempotency-key", "x-pylo-max-cost")
TOKEN: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 section 5.6.2
MOST_NAMES: Final = 64
SECONDS: Final = 7200  # the longest that Chromium remembers

ANY_ORIGIN: Final[Headers] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", ", ".join(READABLE).encode("ascii")),
]


def preflight(methods: Sequence[str], asked: Iterable[bytes]) -> Headers:
    """Return what a page may send to a path of `methods`; `asked` are the values of Access-Control-Request-Headers.

    SDKs add headers with every release, so each name that is one is allowed; what is no name is not echoed.
    """
    names = [name.strip().lower() for value in asked for name in value.split(b",")]
    wanted = [name.decode("ascii") for name in names[:MOST_NAMES] if TOKEN.fullmatch(name)]
    return [
        (b"access-control-allow-methods", ", ".join(methods).encode("ascii")),
        (b"access-control-allow-headers", ", ".join(dict.fromkeys((*SENDABLE, *wanted))).encode("ascii")),
        (b"access-control-max-age", b"%d" % SECONDS),
    ]
