"""Logs: one JSON object a line in production, readable lines at home. Never a body, a key or a query string."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from gateway.telemetry import FIELDS

if TYPE_CHECKING:
    import logging

# What a line may carry beside its text. A list, because libraries hang requests and rows on their records.
SHIPPING = frozenset({"segment", "records", "bytes", "seconds"})

SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


ALLOWED = FIELDS | SHIPPING


class JsonLines(structlog.stdlib.ProcessorFormatter):
    """structlog's formatter, with a short way for a plain record of the standard library: each request writes one."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, dict) or record.exc_info or record.stack_info:
            return super().format(record)
        given = record.__dict__
        line = {"event": record.getMessage(), **{name: given[name] for name in given.keys() & ALLOWED}}
        line |= structlog.contextvars.get_contextvars()
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        line |= {"level": record.levelname.lower(), "logger": record.name, "timestamp": f"{at}Z"}
        return msgspec.json.encode(line, enc_hook=repr).decode()


def configuration(style: str) -> dict[str, Any]:
    """Return the `LOGGING` setting for `style`, 'json' or 'console'."""
    renderers: list[structlog.typing.Processor]
    if style == "json":
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        renderers = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    formatter = {
        "()": JsonLines if style == "json" else structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        # What a standard logger was given as `extra` belongs to the line: the gateway logs so, and knows no structlog.
        "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder(allow=ALLOWED)],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"pylo": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "pylo"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # httpx and Stripe's library name URLs at INFO, Daphne query strings: none of it belongs in a log.
        "loggers": {
            "httpx": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "daphne.http_protocol": {"level": "ERROR"},
        },
    }


def configure_structlog() -> None:
    """Send structlog's events through the standard library's handlers; called once by each process at its start."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
