"""The token counts of an answer, wherever an upstream writes them. Pure.

Cached tokens come beside the counts or in their details, reasoning tokens too, or neither; details may be null.
"""

from __future__ import annotations

from gateway.schema import CONTEXT_TOKENS, Quiet
from gateway.usage import Tokens


class Details(Quiet, frozen=True, omit_defaults=True, gc=False):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


NONE = Details()


class Usage(Quiet, frozen=True, omit_defaults=True, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None

    def tokens(self, reasoned: int) -> Tokens | None:
        """Return the counts, None where no request can have them; `reasoned` stands in for a count that is missing."""
        prompt, completion = self.prompt_tokens, self.completion_tokens
        if prompt is None or completion is None:
            return None
        if not (0 <= prompt <= CONTEXT_TOKENS and 0 <= completion <= CONTEXT_TOKENS):
            return None
        cached = self.cached_tokens or (self.prompt_tokens_details or NONE).cached_tokens or 0
        details = self.completion_tokens_details or NONE
        given = details.reasoning_tokens if self.reasoning_tokens is None else self.reasoning_tokens
        reasoning = reasoned if given is None else given
        return Tokens(
            prompt=prompt,
            cached=min(max(cached, 0), prompt),
            completion=completion,
            reasoning=min(max(reasoning, 0), completion),
        )
