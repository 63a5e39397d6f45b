from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

from pylo_site import logs


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
