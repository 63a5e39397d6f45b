"""How long a first token may take: longer for a long prompt, whose prefill is no outage. Pure."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_TOKEN = 4
STEP_TOKENS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds. `per_8k` = 0 makes the first-token deadline flat."""

    connect: float = 2.0
    first_token: float = 8.0
    free_tokens: int = 16_384
    per_8k: float = 1.0
    grace: float = 2.0  # over two attempts, for closing the first
    idle: float = 30.0  # between tokens
    tail: float = 5.0  # between the finish reason and the usage behind it
    total: float = 3600.0  # from the first token to the last: what never ends is ended
    keep_alive: float = 15.0  # of silence towards the client
    close: float = 1.0

    def for_first_token(self, body_bytes: int) -> float:
        over = max(body_bytes // BYTES_PER_TOKEN - self.free_tokens, 0)
        return self.first_token + self.per_8k * -(-over // STEP_TOKENS)

    def slow_after(self, body_bytes: int) -> float:
        """Return from how many seconds on a first token counts as slow."""
        return self.for_first_token(body_bytes) / 2

    def for_all_attempts(self, body_bytes: int) -> float:
        return 2 * self.for_first_token(body_bytes) + self.grace
