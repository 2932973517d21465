"""Log lines on standard error, for people or as JSON, without what nobody may read there.

What people type, their tokens and codes are not logged to begin with. What other libraries say is
kept to warnings (asyncssh tells user names at INFO, and ours carry a link's token), and whatever
looks like a link is struck out at the end.
"""

from __future__ import annotations

import logging
import os
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_OURS = ("tui_admin", "screens")
_LINK = re.compile(r"recover([- ])[0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class _Struck(structlog.stdlib.ProcessorFormatter):
    """Strikes out what looks like a link, and shows control bytes as signs."""

    def format(self, record: logging.LogRecord) -> str:
        line = _LINK.sub(r"recover\1…", super().format(record))
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)


def _add_pid(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event.setdefault("pid", os.getpid())
    return event


def set_up(log_format: str) -> None:
    """Send every log line to this process's standard error, as `console` or `json`.

    The stream is the real one: Textual puts its own in the place of sys.stderr while it runs.
    """
    last: list[Processor]
    if log_format == "json":
        # As text: as a structure, structlog would tell the values of local variables.
        renderer = structlog.processors.JSONRenderer(ensure_ascii=True)
        last = [structlog.processors.format_exc_info, renderer]
    else:
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    formatter = _Struck(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            _add_pid,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
