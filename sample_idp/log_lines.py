"""One line of the log for each record, whatever is in it."""

from __future__ import annotations

import logging
import re

__all__ = ["OneLineFormatter"]

# What ends a line, moves a terminal's cursor, or turns the text around.
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OneLineFormatter(logging.Formatter):
    """Escapes control characters, so that nobody who is logged forges a line.

    The access log has the paths of requests with their percent-encodings undone. A
    traceback, which has no words of a visitor but in its last line, stays as it is.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line.

        :param record: What is logged.
        """
        return _NOT_SHOWN.sub(_escaped, super().formatMessage(record))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
