"""OpenAI's own wire: what it does not name is refused, reasoning is counted and not told."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from sandbox.refusals import Refusal
from sandbox.wires import openly
from sandbox.wires.wire import Json, Usage, Wire

PARAMETERS: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_completion_tokens", "max_tokens", "temperature"),
        *("top_p", "frequency_penalty", "presence_penalty", "seed", "stop", "n", "tools", "tool_choice"),
        *("parallel_tool_calls", "response_format", "reasoning_effort", "prompt_cache_key", "safety_identifier"),
        *("user", "metadata", "store", "service_tier", "verbosity", "logprobs", "top_logprobs", "logit_bias"),
    }
)
OF_A_MESSAGE: Final = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio"})
LONGEST_ID: Final = 40


class OpenAI(Wire):
    name = "openai"
    owner = "openai"
    reasoning = ""

    def check(self, asked: Json) -> None:
        _known(asked)
        openly.check(asked)
        for index, message in enumerate(asked["messages"]):
            unknown = sorted(message.keys() - OF_A_MESSAGE)
            if unknown:
                raise _unknown(f"messages[{index}].{unknown[0]}")
            for identity in [message.get("tool_call_id"), *(call["id"] for call in message.get("tool_calls") or ())]:
                if identity is not None and len(identity) > LONGEST_ID:
                    raise Refusal(
                        400, "invalid_request_error", "string too long", "messages", "string_above_max_length"
                    )

    def thinks(self, asked: Json) -> bool:
        return asked.get("reasoning_effort") != "none"

    def error(self, refusal: Refusal) -> Json:
        about = {"message": refusal.message, "type": refusal.kind}
        return {"error": about | {"param": refusal.param, "code": refusal.code}}

    def usage(self, usage: Usage) -> Json:
        return super().usage(usage) | {
            "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
        }

    def call_id(self, given: str, salt: str) -> str:
        return f"call_{blake2b(f'{salt}{given}'.encode(), digest_size=12).hexdigest()}"

    def role(self) -> Json:
        return {"role": "assistant", "content": "", "refusal": None}

    def chunk(self, head: Json, delta: Json, finish: str | None = None) -> Json:
        extras = {"service_tier": "default", "system_fingerprint": "fp_sandbox", "usage": None, "obfuscation": "x"}
        return super().chunk(head, delta, finish) | extras


def _known(asked: Json) -> None:
    unknown = sorted(asked.keys() - PARAMETERS)
    if unknown:
        raise _unknown(unknown[0])


def _unknown(name: str) -> Refusal:
    message = f"Unrecognized request argument supplied: {name}"
    return Refusal(400, "invalid_request_error", message, name, "unsupported_parameter")
