"""HTTP/1.1 as a client speaks it (RFC 9112): a request's head as bytes, and a response out of bytes, cut anywhere."""

from __future__ import annotations

import httptools

LARGEST_HEAD_BYTES = 16_384  # of all headers and trailers; and of whatever else comes without a byte of body
MOST_HEADERS = 128
LINE_BYTES = 4  # of a header, beside its name and its value
FRAMING = frozenset({b"content-length", b"transfer-encoding"})
FIRST_FINAL_STATUS = 200


def request_head(method: str, target: bytes, headers: list[tuple[bytes, bytes]], body_bytes: int) -> bytes:
    """Return what goes before a body of `body_bytes`; `ValueError` for what would be more than one line.

    The framing is ours: a `Content-Length` or `Transfer-Encoding` among `headers` is left out.
    """
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in headers if header[0].lower() not in FRAMING]
    lines.append(b"Content-Length: %d\r\n\r\n" % body_bytes)
    head = b"\r\n".join(lines)
    ends = len(lines) + 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise ValueError("a header is more than one line")
    return head


class ResponseReader:
    """Reads one response. Interim ones (RFC 9110 §15.2) before it are passed over, and trailers after it dropped.

    `status` is 0 until the head is whole. `broken` says that the bytes are no HTTP or out of bounds: no more is read,
    but what came of the body before is still there. `complete` with `reusable` says that another request may follow.
    """

    def __init__(self, *, bodiless: bool = False) -> None:
        self._http: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._bodiless = bodiless  # the answer to a HEAD
        self._parts: list[bytes] = []
        self._framed = False
        self._excess = False
        self._fields = 0
        self._field_bytes = 0
        self._unaccounted = 0
        self._body_came = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = False
        self.complete = False
        self.broken = False
        self.reusable = False
        self.unread = 0

    def feed(self, data: bytes) -> None:
        http = self._http
        if http is None:
            self.reusable = False
            return
        self.begun = True
        self._body_came = False
        try:
            http.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # to another protocol: nobody asked for one
            self.reusable = False
            self.broken = not self.complete
        self._bound(len(data))
        if self.complete or self.broken:
            self._http = None  # each holds the other

    def end(self) -> None:
        """Note that no byte follows: the end of a body that says no length of its own, else a cut."""
        if self._http is not None and self.status and not self._framed:
            self.complete = True
        self._http = None

    def take(self) -> bytes:
        """Return what has come of the body since the last time."""
        parts, self._parts, self.unread = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _bound(self, size: int) -> None:
        """Bound what httptools has not told of yet too: a header without an end, and what lies between two chunks."""
        self._unaccounted = 0 if self._body_came else self._unaccounted + size
        if self._excess or (self._unaccounted > LARGEST_HEAD_BYTES and not self.complete):
            self.broken = not self.complete
            self.reusable = False

    # -- httptools' events --------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False  # nobody asked for a second one

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._field_bytes += len(name) + len(value) + LINE_BYTES
        if self._fields > MOST_HEADERS or self._field_bytes > LARGEST_HEAD_BYTES:
            self._excess = True
        elif not self.status:
            self.headers.append((name, value.rstrip(b" \t")))
            self._framed = self._framed or name.lower() in FRAMING

    def on_headers_complete(self) -> None:
        if self._http is None or self._excess or self.complete:
            return
        status = self._http.get_status_code()
        if status < FIRST_FINAL_STATUS:
            self.headers.clear()
            self._framed = False
            return
        self.status = status
        self.complete = self._bodiless

    def on_body(self, piece: bytes) -> None:
        self._body_came = True
        if not self.complete and not self._excess:
            self._parts.append(piece)
            self.unread += len(piece)

    def on_message_complete(self) -> None:
        if self._http is not None and self.status and not self.complete:
            self.complete = True
            self.reusable = self._http.should_keep_alive()
