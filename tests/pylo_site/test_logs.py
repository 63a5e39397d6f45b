from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import TYPE_CHECKING, Any

import structlog

from gateway.faults import FaultKind
from pylo_site import logs

if TYPE_CHECKING:
    import pytest


def written(**extra: object) -> dict[str, Any]:
    """Log one line as production does and read it back."""
    configuration = logs.configuration("json")
    formatter = logging.config.DictConfigurator(configuration).configure_formatter(configuration["formatters"]["pylo"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("pylo.access")  # noqa: LOG001 - one of its own, that pytest's handlers do not see
    logger.addHandler(handler)
    logger.info("request", extra=extra)
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def test_a_line_of_the_standard_library_keeps_its_extra_fields() -> None:
    line = written(status=200, duration_ms=7)
    assert (line["event"], line["status"], line["duration_ms"]) == ("request", 200, 7)


def test_a_line_names_its_logger_its_level_and_its_time() -> None:
    line = written()
    assert (line["logger"], line["level"]) == ("pylo.access", "info")
    assert line["timestamp"].endswith("Z")


def test_control_characters_are_escaped_so_that_one_event_stays_one_line() -> None:
    configuration = logs.configuration("json")
    formatter = logging.config.DictConfigurator(configuration).configure_formatter(configuration["formatters"]["pylo"])
    record = logging.LogRecord("x", logging.INFO, "", 0, "a\nb\x1b[31m", None, None)
    assert "\n" not in formatter.format(record)
    assert "\x1b" not in formatter.format(record)


def test_a_field_that_is_not_listed_is_not_written() -> None:
    assert written(prompt="CANARY").keys() == {"event", "level", "logger", "timestamp"}


def test_the_short_way_writes_what_structlog_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"status": 200, "route": 'é"\n', "first_token_ms": None, "crash": FaultKind.CUT}
    short = written(**fields)
    monkeypatch.setattr(logs.JsonLines, "format", structlog.stdlib.ProcessorFormatter.format)
    long = written(**fields)
    assert {**short, "timestamp": ""} == {**long, "timestamp": ""}
    assert len(short["timestamp"]) == len(long["timestamp"])


def test_an_exception_is_written_with_its_traceback() -> None:
    configuration = logs.configuration("json")
    formatter = logging.config.DictConfigurator(configuration).configure_formatter(configuration["formatters"]["pylo"])
    error = ValueError("no good")
    record = logging.LogRecord("x", logging.ERROR, "", 0, "it broke", None, (ValueError, error, None))
    assert "ValueError: no good" in json.loads(formatter.format(record))["exception"]
