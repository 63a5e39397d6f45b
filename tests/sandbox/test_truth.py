from __future__ import annotations

import io
import json

from sandbox.truth import Sums, Truth


def test_a_call_is_told_token_by_token_in_numbers() -> None:
    file = io.StringIO()
    served = Truth(file, lambda: 1.5).open("req_1", "mine")
    served.start(10, 4)
    served.token("reasoning")
    served.token("content")
    served.end("finish")
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    common = {"call": 1, "id": "req_1", "at": 1.5}
    assert lines == [
        {"event": "start", "request_id": "mine", "prompt_tokens": 10, "cached_tokens": 4, **common},
        {"event": "token", "n": 1, "kind": "reasoning", **common},
        {"event": "token", "n": 2, "kind": "content", **common},
        {"event": "end", "reason": "finish", "completion_tokens": 2, "reasoning_tokens": 1, **common},
    ]


def test_the_sums_count_what_finished_and_all_that_was_sent() -> None:
    truth = Truth(io.StringIO(), lambda: 0.0)
    for reason in ("finish", "client_gone", "finish"):
        served = truth.open("", "")
        served.start(10, 4)
        served.token("content")
        served.end(reason)
    assert truth.sums == Sums(
        calls=3, tokens_sent=3, finished=2, prompt_tokens=20, cached_tokens=8, completion_tokens=2, reasoning_tokens=0
    )


def test_sums_survive_their_json() -> None:
    sums = Sums(calls=3, tokens_sent=2, finished=1, prompt_tokens=9)
    assert Sums.from_json(sums.as_json()) == sums
