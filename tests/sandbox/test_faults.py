from __future__ import annotations

import pytest

from sandbox.breakage import REPLACEMENTS
from sandbox.faults import REPLACING, BadFault, Fault, Queue, parse, parse_header
from sandbox.spelling import Spelling


def test_a_status_alone_is_a_fault() -> None:
    assert parse({"status": 429, "retry_after": 7}) == Fault(kind="status", status=429, retry_after="7")


def test_a_spelling_is_read_from_its_parts() -> None:
    fault = parse({"kind": "spelling", "space": False, "crlf": True})
    assert fault.spelling == Spelling(space=False, crlf=True)
    assert fault.spelling.event("x") == b"data:x\r\n\r\n"


@pytest.mark.parametrize(
    "value", [{}, [], {"kind": "meteor"}, {"kind": "cut", "how": "gently"}, {"status": 500, "x": 1}]
)
def test_a_fault_that_does_not_exist_is_refused(value: object) -> None:
    with pytest.raises(BadFault):
        parse(value)


def test_a_header_that_is_no_json_is_refused() -> None:
    with pytest.raises(BadFault):
        parse_header("{")


def test_every_fault_that_replaces_the_answer_has_one() -> None:
    assert set(REPLACEMENTS) == REPLACING


def test_faults_are_taken_in_order_as_often_as_they_say() -> None:
    queue = Queue()
    assert queue.extend([Fault(kind="hang", times=2), Fault(kind="html")]) == 3
    taken = [fault.kind for fault in iter(queue.take, None)]
    assert taken == ["hang", "hang", "html"]


def test_a_cleared_queue_gives_nothing() -> None:
    queue = Queue()
    queue.extend([Fault(kind="hang")])
    queue.clear()
    assert queue.take() is None
