"""What the server takes from a client before anything is known of it. Bytes and seconds; each bound is a total."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one process. Times count from the first byte of what they bound, never from the last one."""

    body_bytes: int = 4096 * KIB
    head_bytes: int = 16 * KIB  # request line and headers together
    line_bytes: int = 8 * KIB
    cookie_bytes: int = 4 * KIB  # CVE-2024-7592: to read 8 KiB of quoted cookie costs some Pythons 200 ms
    headers: int = 100
    pipelined: int = 16  # requests that wait for the answer to an earlier one
    unread_bytes: int = 128 * KIB  # received and not taken by the application: the client is read no further
    framing_bytes: int = 64 * KIB  # of chunks' sizes and extensions, beyond as many bytes as there are in the body
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0  # nothing asked on an open connection
    stall_seconds: float = 30.0  # an answer that the client does not take
    linger_seconds: float = 5.0  # after the last answer: what the client still sends is read and dropped
    drain_seconds: float = 30.0

    @property
    def tick(self) -> float:
        """How often the deadlines are looked at: a quarter of the shortest, a second at most."""
        return min(1.0, *(each / 4 for each in (self.head_seconds, self.body_seconds, self.stall_seconds)))
