"""A customer of the running product, with the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

from tests.wire.asking import ALOUD, DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack


@pytest.fixture(scope="session")
def member(stack: Stack) -> Member:
    return stack.member()


@pytest.fixture
def client(stack: Stack, member: Member) -> Iterator[OpenAI]:
    """The client as a customer has it, with its own retries; no fault waits in the upstream before or after."""
    stack.upstream.heal()
    with OpenAI(base_url=stack.api_base, api_key=member.key, timeout=20) as client:
        yield client
    stack.upstream.heal()


def served(stack: Stack, dialect: str) -> str:
    """Return the API's base URL of a server whose upstream speaks the dialect, with no fault waiting there."""
    stack.upstream.heal()
    return stack.api_base if dialect == "moonshot" else stack.served_by(dialect)


@pytest.fixture(params=DIALECTS)
def base(stack: Stack, request: pytest.FixtureRequest) -> str:
    """The API's base URL, for each dialect in turn."""
    return served(stack, request.param)


@pytest.fixture(params=ALOUD)
def aloud(stack: Stack, request: pytest.FixtureRequest) -> str:
    """The API's base URL, for each dialect in turn in which an upstream tells its reasoning."""
    return served(stack, request.param)


@pytest.fixture
def anywhere(base: str, member: Member) -> Iterator[OpenAI]:
    """The official client against each dialect in turn."""
    with OpenAI(base_url=base, api_key=member.key, max_retries=0, timeout=20) as client:
        yield client
