"""The slice of OpenAI's chat API we accept, parsed once. Pure.

Unknown keys are ignored and null is absent, so no client breaks on an extension; what would silently change the answer
is refused. Words live in `Quiet` types, whose repr shows none of them, so that no log or traceback can.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.errors import InvalidRequest

CONTEXT_TOKENS = 262_144
LONGEST_STOP_BYTES = 32
MOST_STOPS = 4
MOST_TOOLS = 128
DEEPEST = 100  # levels of a schema


class Quiet(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A value with words in it: its repr names the type and nothing else.

    The collector passes it over: what is decoded from JSON has no cycles, and thousands of messages are a pause else.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Part(Quiet, frozen=True, omit_defaults=True):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class FunctionCall(Quiet, frozen=True, omit_defaults=True):
    name: str = ""
    arguments: str | None = None


class ToolCall(Quiet, frozen=True, omit_defaults=True):
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None


class ReasoningDetail(Quiet, frozen=True, omit_defaults=True):
    text: str | None = None


class Message(Quiet, frozen=True, omit_defaults=True):
    role: str | None = None
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    refusal: str | None = None

    @property
    def thoughts(self) -> str:
        """The reasoning of an earlier turn, under whichever of its three names it came back."""
        details = "".join(detail.text or "" for detail in self.reasoning_details or ())
        return self.reasoning_content or self.reasoning or details


class Function(Quiet, frozen=True, omit_defaults=True):
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Quiet, frozen=True, omit_defaults=True):
    type: str = ""
    function: Function | None = None


class NamedFunction(Quiet, frozen=True, omit_defaults=True):
    name: str = ""


class AllowedTools(Quiet, frozen=True, omit_defaults=True):
    mode: str | None = None
    tools: list[ToolChoice] | None = None


class ToolChoice(Quiet, frozen=True, omit_defaults=True):
    """A named function; `allowed_tools` is put as fewer tools before a dialect sees it."""

    type: str = ""
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(Quiet, frozen=True, omit_defaults=True):
    name: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Quiet, frozen=True, omit_defaults=True):
    type: str = ""
    json_schema: JsonSchema | None = None


class StreamOptions(Quiet, frozen=True, omit_defaults=True):
    include_usage: bool | None = None


class Thinking(Quiet, frozen=True, omit_defaults=True):
    """Moonshot's switch."""

    type: str | None = None
    keep: str | None = None


class Reasoning(Quiet, frozen=True, omit_defaults=True):
    """The aggregators' switch; with `exclude` the model thinks, and is paid for it, unseen."""

    enabled: bool | None = None
    effort: str | None = None
    exclude: bool | None = None


class TemplateSwitches(Quiet, frozen=True, omit_defaults=True):
    """The open servers' switches."""

    thinking: bool | None = None
    preserve_thinking: bool | None = None


class Chat(Quiet, frozen=True, omit_defaults=True):
    """A chat completion's request."""

    model: str | None = None
    messages: list[Message] | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    parallel_tool_calls: bool | None = None
    seed: int | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    thinking: Thinking | None = None
    reasoning: Reasoning | None = None
    chat_template_kwargs: TemplateSwitches | None = None
    include_reasoning: bool | None = None
    # Named only to be refused: to ignore one of these would give a wrong answer without a word.
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Any] | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None
    functions: list[Any] | None = None
    function_call: Any = None

    @property
    def limit(self) -> int | None:
        """The most tokens to generate; the newer name wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage is True

    @property
    def thinks(self) -> bool:
        """Whether reasoning is wanted; four dialects have four switches, and absent means yes."""
        return not (
            self.reasoning_effort == "none"
            or (self.thinking is not None and self.thinking.type == "disabled")
            or (self.reasoning is not None and (self.reasoning.enabled is False or self.reasoning.effort == "none"))
            or (self.chat_template_kwargs is not None and self.chat_template_kwargs.thinking is False)
        )

    @property
    def shows_reasoning(self) -> bool:
        """Whether the client is given the reasoning; it is counted and paid for either way."""
        return self.include_reasoning is not False and not (self.reasoning is not None and self.reasoning.exclude)

    @property
    def keeps_thoughts(self) -> bool:
        """Whether the reasoning of all earlier turns is to reach the model."""
        return (self.thinking is not None and self.thinking.keep == "all") or (
            self.chat_template_kwargs is not None and self.chat_template_kwargs.preserve_thinking is True
        )

    def text_bytes(self) -> int:
        """Bytes of the messages' text in UTF-8; at least the number of tokens in them."""
        return sum(len(text.encode()) for message in self.messages or [] for text in texts(message))


def texts(message: Message) -> list[str]:
    if isinstance(message.content, list):
        return [part.text or "" for part in message.content]
    return [message.content or ""]


_decoder = msgspec.json.Decoder(Chat)
_FAULT = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?", re.DOTALL)
_TYPES = re.compile(r"Expected `[a-z |]+`, got `[a-z]+`")


def decode(body: bytes) -> Chat:
    """Decode without judging values; `gateway.validation` does that."""
    try:
        if not body.isascii():
            str(body, "utf-8")  # msgspec skips the values of unknown keys without a look at their encoding
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except RecursionError:
        raise InvalidRequest("The JSON body is nested too deeply.", code="invalid_json") from None
    except ValueError:  # msgspec.DecodeError and UnicodeDecodeError: both may quote the body
        hint = "Check commas, quotes and escapes; NaN, Infinity and lone surrogates are not JSON."
        raise InvalidRequest(f"We could not parse the JSON body of your request. {hint}", code="invalid_json") from None


def _wrong_type(text: str) -> InvalidRequest:
    fault = _FAULT.fullmatch(text)
    what, path = (fault["what"], (fault["path"] or "").lstrip(".")) if fault else ("", "")
    if not path:
        return InvalidRequest("The JSON body must be an object.", code="invalid_json")
    plain = _TYPES.fullmatch(what)  # any other text could quote a value
    detail = what.replace("`", "") if plain else "The value does not fit"
    return InvalidRequest(f"Invalid type for '{path}': {detail}.", code="invalid_type", param=path)
