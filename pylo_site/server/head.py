"""The head of a request: gathered header by header within its bounds, then judged as a whole. Pure.

httptools refuses what has no meaning (control bytes, a bare LF, folded lines, two lengths, a length beside an
encoding); here is what has two: RFC 9112 §3.2 on the target and Host, §6.1 on Transfer-Encoding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pylo_site.server.refusals import Refusal, bad_request, headers_too_large, too_large

if TYPE_CHECKING:
    from pylo_site.server.limits import Limits

HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]{0,5})?")
ABSOLUTE = re.compile(rb"https?://([^/?]+)(/?.*)", re.IGNORECASE)
WEIGHED = frozenset({b"host", b"content-length", b"transfer-encoding", b"cookie", b"expect", b"upgrade"})
OURS = frozenset({b"daphne-root-path"})  # Daphne would take a client's word for where the site begins
BETWEEN = 4  # bytes of a header that are neither name nor value


@dataclass(frozen=True, slots=True)
class Head:
    """A request of which everything but the body is there. Names are in lower case."""

    method: str
    target: bytes  # as it came
    path: str
    raw_path: bytes
    query: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    length: int
    chunked: bool
    keep_alive: bool
    expects: bool  # the client waits for a 100 before it sends the body
    upgrade: bytes

    @property
    def has_body(self) -> bool:
        return self.chunked or self.length > 0

    def lines(self, *, without: bytes = b"") -> bytes:
        """Return it as the bytes of a head again, without one header."""
        headers = (b"%b: %b\r\n" % each for each in self.headers if each[0] != without)
        line = b"%b %b HTTP/%b\r\n" % (self.method.encode(), self.target, self.version.encode())
        return line + b"".join(headers) + b"\r\n"


class Heading:
    """A head on its way. Every call may raise `Refusal`."""

    __slots__ = ("_limits", "_size", "_weighed", "headers", "target")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self._weighed: dict[bytes, bytes] = {}
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def line(self, piece: bytes) -> None:
        self.target += piece
        if len(self.target) > self._limits.line_bytes:
            raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "url_too_long", "The URL is too long.")

    def header(self, name: bytes, value: bytes) -> None:
        name, value = name.lower(), value.rstrip(b" \t")
        self._size += len(name) + len(value) + BETWEEN
        if self._size + len(self.target) > self._limits.head_bytes or len(self.headers) >= self._limits.headers:
            raise headers_too_large("The headers are too many or too long.")
        if name in WEIGHED:
            self._weigh(name, value)
        if b"_" not in name and name not in OURS:  # as WSGI's names an underscore would be a hyphen: CVE-2015-0219
            self.headers.append((name, value))

    def _weigh(self, name: bytes, value: bytes) -> None:
        if name == b"cookie":
            value = self._weighed.get(name, b"") + value
            if len(value) > self._limits.cookie_bytes:
                raise headers_too_large("The cookies are too long.")
        elif name in self._weighed:
            raise bad_request("A header came twice that may come once only.")
        self._weighed[name] = value

    def complete(self, *, method: str, version: str, keep_alive: bool) -> Head:
        """Judge the whole; the body's declared length too."""
        weighed = self._weighed
        if version not in ("1.0", "1.1"):
            raise Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "http_version", "HTTP/1.1 is spoken here.")
        _check_host(weighed.get(b"host"), version)
        path, query = _split(self.target, weighed.get(b"host", b""))
        chunked = _is_chunked(weighed.get(b"transfer-encoding"), version)
        length = _length(weighed.get(b"content-length"), self._limits.body_bytes)
        return Head(
            method=method,
            target=self.target,
            path=unquote(path.decode("ascii")) if b"%" in path else path.decode("ascii"),
            raw_path=path,
            query=query,
            version=version,
            headers=self.headers,
            length=length,
            chunked=chunked,
            keep_alive=keep_alive,
            expects=_expects(weighed.get(b"expect"), version) and (chunked or length > 0),
            upgrade=weighed.get(b"upgrade", b"").lower(),
        )


def _check_host(host: bytes | None, version: str) -> None:
    if host is None and version == "1.0":
        return
    if host is None or HOST.fullmatch(host) is None:
        raise bad_request("The request needs one Host header that names a host.")


def _split(target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query of a target, which is absolute only where it names the same host."""
    if not target.startswith(b"/"):
        absolute = ABSOLUTE.fullmatch(target)
        if absolute is None or absolute[1].lower() != host.lower():
            raise bad_request("The request's target is no path.")
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    if b"#" in target:
        raise bad_request("The request's target has a fragment.")
    path, _, query = target.partition(b"?")
    return path, query


def _is_chunked(coding: bytes | None, version: str) -> bool:
    if coding is None:
        return False
    if coding.lower() != b"chunked" or version == "1.0":
        raise bad_request("Transfer-Encoding can only be chunked, in HTTP/1.1.")
    return True


def _length(declared: bytes | None, limit: int) -> int:
    if declared is None:
        return 0
    length = int(declared)  # digits only, and few: httptools has seen to it
    if length > limit:
        raise too_large(limit)
    return length


def _expects(expectation: bytes | None, version: str) -> bool:
    if expectation is None or version == "1.0":
        return False
    if expectation.lower() != b"100-continue":
        raise Refusal(HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "Only 100-continue can be expected.")
    return True
