from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.tool_names import MOONSHOTS, ToolNames

NAMES = st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), unique=True, max_size=6)


@given(NAMES)
def test_every_name_is_one_that_moonshot_takes_and_comes_back(names: list[str]) -> None:
    both = ToolNames(names, MOONSHOTS)
    sent = [both.sent(name) for name in names]
    assert all(MOONSHOTS.fullmatch(name) for name in sent)
    assert [both.restored(name) for name in sent] == names


@given(NAMES)
def test_a_name_that_fits_is_not_touched_even_where_another_would_become_it(names: list[str]) -> None:
    both = ToolNames(["f", "tool_f", *names], MOONSHOTS)
    assert both.sent("tool_f") == "tool_f"
    assert all(both.sent(name) == name for name in names if MOONSHOTS.fullmatch(name))


def test_a_name_nobody_asked_about_stays() -> None:
    assert ToolNames(["f"], MOONSHOTS).restored("tool_g") == "tool_g"


def test_a_name_is_whole_unless_another_goes_on_with_it() -> None:
    names = ToolNames(["get", "get_time", "stop"])
    assert [names.is_whole(name) for name in ("get", "get_time", "stop", "sto")] == [False, True, True, False]
    assert ToolNames(()).is_whole("any")
    assert [names.begins(name) for name in ("get_t", "gett")] == [True, False]
