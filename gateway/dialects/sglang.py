"""SGLang's spelling of the chat API, serving Kimi's open weights. Pure.

As vLLM's, but that reasoning is `reasoning_content`. Answered: reasoning tokens come beside the other counts, errors
without an envelope, and `abort` where the server gave up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.dialects.vllm import open_exchange

if TYPE_CHECKING:
    from gateway.dialects.exchanges import Exchange
    from gateway.schema import Chat


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:
    return open_exchange(chat, model, tenant, field="reasoning_content")
