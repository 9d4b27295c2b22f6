"""Logging: structlog, one event a line, UIDs but no patient identity."""

import logging
import sys

import structlog

from config.settings import Logging


def configure(settings: Logging) -> None:
    """Send every event to standard error, for people or as JSON, from ``settings.level`` up."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _on_one_line,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.captureWarnings(True)
    for quotes_values in ("pynetdicom", "pydicom", "highdicom", "py.warnings"):
        logging.getLogger(quotes_values).setLevel(logging.CRITICAL)


def _on_one_line(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What came from outside can't begin a line of its own, nor steer a terminal."""
    return {key: _printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
