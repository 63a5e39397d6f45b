from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openai import NotFoundError

from tests.wire.asking import MODEL

if TYPE_CHECKING:
    from openai import OpenAI


def test_the_one_model_is_listed(client: OpenAI) -> None:
    assert [(model.id, model.object) for model in client.models.list()] == [(MODEL, "model")]


def test_the_model_is_retrieved_by_its_slug_with_the_slash_escaped_as_the_client_does(client: OpenAI) -> None:
    assert client.models.retrieve(MODEL).id == MODEL


def test_another_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as error:
        client.models.retrieve("gpt-9")
    assert error.value.code == "model_not_found"
