"""Judges a chat request: the first value that does not hold is refused with its path as `param`. Pure.

docs/api.md says what each parameter does: what would silently change an answer is refused, other things are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway import conversation, tooling
from gateway.nesting import deeper_than
from gateway.refusals import invalid, missing, too_long, unsupported
from gateway.schema import CONTEXT_TOKENS, DEEPEST, LONGEST_STOP_BYTES, MOST_STOPS, decode
from gateway.tooling import NAME, NAME_RULE

if TYPE_CHECKING:
    from gateway.schema import Chat, JsonSchema

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FORMATS = ("text", "json_object", "json_schema")
INTEGERS = (
    ("max_completion_tokens", 1, CONTEXT_TOKENS),
    ("max_tokens", 1, CONTEXT_TOKENS),
    ("seed", -(2**63), 2**63 - 1),
    ("top_logprobs", 0, 20),
    ("top_k", -1, 2**31 - 1),
)
NUMBERS = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
    ("min_p", 0, 1),
    ("repetition_penalty", 0, 2),
)
NOT_OFFERED: tuple[tuple[str, object, str], ...] = (  # with the value that asks for nothing, and why
    ("logprobs", False, "Log probabilities are not offered."),
    ("logit_bias", {}, "Token biases are not offered."),
    ("audio", None, "Only text is offered."),
    ("prediction", None, "Predicted outputs are not offered."),
    ("web_search_options", None, "Web search is not offered."),
)
LONGEST_IDENTIFIER = 128
TOKENS_PER_MESSAGE = 4  # the least that a chat template adds to each


def parse(body: bytes) -> Chat:
    """Return the request in `body`; raise `InvalidRequest` at its first fault."""
    if len(body) > CONTEXT_TOKENS:  # a shorter one has room for fewer
        _few_brackets(body)
    chat = decode(body)
    _required(chat)
    _supported(chat)
    _numbers(chat)
    _fits(chat)
    _stops(chat)
    _reasoning(chat)
    _format(chat)
    if len(chat.safety_identifier or "") > LONGEST_IDENTIFIER:
        raise invalid("safety_identifier", f"give at most {LONGEST_IDENTIFIER} characters.", "string_above_max_length")
    messages = conversation.judged(chat.messages or ())
    return msgspec.structs.replace(tooling.judged(chat), messages=messages)


def _few_brackets(body: bytes) -> None:
    """Refuse more values than could be tokens: as text they are as many tokens, as values a stall."""
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > CONTEXT_TOKENS:
        raise too_long(brackets)


def _required(chat: Chat) -> None:
    if chat.model is None:
        raise missing("model")
    if chat.messages is None:
        raise missing("messages")
    if not chat.messages:
        raise invalid("messages", "give at least one message.")


def _supported(chat: Chat) -> None:
    for param, harmless, why in NOT_OFFERED:
        given = getattr(chat, param)
        if given is not None and given != harmless:
            raise unsupported(param, why)
    if chat.modalities and set(chat.modalities) != {"text"}:
        raise unsupported("modalities", "Only text is offered.")


def _numbers(chat: Chat) -> None:
    for kind, table in (("integer", INTEGERS), ("decimal", NUMBERS)):
        for param, least, most in table:
            number: float | None = getattr(chat, param)
            if number is not None and not least <= number <= most:
                side = "below_min" if number < least else "above_max"
                raise invalid(param, f"give a number from {least} to {most}.", f"{kind}_{side}_value")
    if chat.top_logprobs:
        raise unsupported("top_logprobs", "Log probabilities are not offered.")
    if chat.n is not None and chat.n != 1:
        raise invalid("n", "one choice a request is offered.", "unsupported_value")


def _fits(chat: Chat) -> None:
    """Refuse what no tokenizer is needed for to know that it cannot fit; the upstream judges the rest."""
    least = TOKENS_PER_MESSAGE * len(chat.messages or ())
    if least + (chat.limit or 0) > CONTEXT_TOKENS:
        raise too_long(least, chat.limit or 0)


def _stops(chat: Chat) -> None:
    if len(chat.stops) > MOST_STOPS:
        raise invalid("stop", f"give at most {MOST_STOPS} sequences.")
    if any(not stop or len(stop.encode()) > LONGEST_STOP_BYTES for stop in chat.stops):
        raise invalid("stop", f"a sequence has from 1 to {LONGEST_STOP_BYTES} bytes.")


def _reasoning(chat: Chat) -> None:
    for param, given, known in (
        ("reasoning_effort", chat.reasoning_effort, EFFORTS),
        ("reasoning.effort", chat.reasoning and chat.reasoning.effort, EFFORTS),
        ("thinking.type", chat.thinking and chat.thinking.type, ("enabled", "disabled")),
        ("thinking.keep", chat.thinking and chat.thinking.keep, ("all",)),
    ):
        if given is not None and given not in known:
            raise invalid(param, f"give one of {', '.join(known)}.")


def _format(chat: Chat) -> None:
    form = chat.response_format
    if form is None:
        return
    if not form.type:
        raise missing("response_format.type")
    if form.type not in FORMATS:
        raise invalid("response_format.type", f"give one of {', '.join(FORMATS)}.")
    if form.type == "json_schema":
        if form.json_schema is None:
            raise missing("response_format.json_schema")
        _schema(form.json_schema, "response_format.json_schema")


def _schema(wanted: JsonSchema, path: str) -> None:
    if not wanted.name:
        raise missing(f"{path}.name")
    if NAME.fullmatch(wanted.name) is None:
        raise invalid(f"{path}.name", NAME_RULE)
    if wanted.schema is None:
        raise missing(f"{path}.schema")
    if deeper_than(DEEPEST, wanted.schema):
        raise invalid(f"{path}.schema", f"it is nested more than {DEEPEST} levels deep.")
