"""The audit record's fields in a reader's words: all of them, which a test holds against the table itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    meaning: str


FIELDS = (
    Field("uid", "Pylo's own id of the request."),
    Field("request_id", "The X-Request-Id: yours when you sent one, else req_ and the uid."),
    Field("workspace_id", "The workspace that called."),
    Field("key_id", "The API key that it called with; never the key itself."),
    Field("price_id", "The price that was in force when the request was admitted."),
    Field("model", "The model's slug."),
    Field("stream", "Whether the answer was streamed."),
    Field("admitted_at", "When the request was admitted."),
    Field("recorded_at", "When this record was written."),
    Field("upstream", "The upstream that served it."),
    Field("attempts", "How many upstreams were called."),
    Field("status", "The HTTP status that you were sent."),
    Field("outcome", "How it ended: completed, client left, upstream error and so on."),
    Field("finish_reason", "Why the model stopped: stop, length, tool_calls."),
    Field("error_code", "The code of the error, when there was one."),
    Field("prompt_tokens", "Tokens of the prompt."),
    Field("cached_tokens", "Those of them that were read from the upstream's cache."),
    Field("completion_tokens", "Tokens that were generated."),
    Field("reasoning_tokens", "Those of them that were reasoning."),
    Field("usage_source", "Where the counts are from: the upstream, or counted by Pylo."),
    Field("first_token_ms", "Milliseconds to the first token."),
    Field("duration_ms", "Milliseconds to the end."),
    Field("cost_nanos", "What was charged, in billionths of a US dollar."),
    Field("waived_nanos", "What it would have cost, where it was not charged."),
    Field("invoice_id", "The invoice that it is on, once there is one."),
    Field(
        "batch", "The batch that it was recorded in; its charge is one posting of your balance with the batch's others."
    ),
    Field(
        "tries", "Where more than one upstream was asked, or one failed: each, what went wrong, and how long it took."
    ),
)
