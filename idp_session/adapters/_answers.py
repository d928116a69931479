"""What is asked of clients, and what their answers say, whoever sends."""

from __future__ import annotations

import email.utils
import functools
import re
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = [
    "ACCEPT",
    "BODY_LIMIT",
    "BODY_SECONDS",
    "EXCERPT_LIMIT",
    "USER_AGENT",
    "PreparedURI",
    "prepared_uri",
    "retry_after",
]

ACCEPT = "application/json, */*"
USER_AGENT = "idp-session"
#: Of a body so many bytes are read, and dropped.
BODY_LIMIT = 64 * 1024
#: How many of them are kept, for people who look for what is wrong.
EXCERPT_LIMIT = 1024
#: For so long a body is waited for, once the head of the answer is there.
BODY_SECONDS = 1.0

_LONGEST_RETRY_AFTER = timedelta(days=365)
_DELAY_SECONDS = re.compile(r"-?[0-9]+")


class PreparedURI(NamedTuple):
    """A URI as it is sent."""

    #: In ASCII.
    text: str
    #: Its host, in the form that is looked up.
    host: str


@functools.lru_cache(maxsize=4096)
def prepared_uri(uri: str) -> PreparedURI:
    """A URI as it is sent: in ASCII, its host in the form that is looked up.

    :param uri: As the client has registered it.
    :raises ValueError: If it is not one that can be requested.
    """
    # Some megabytes, for those who send.
    import requests

    text = str(requests.Request("POST", uri).prepare().url)

    # Most are the same: of those nothing is kept twice.
    return PreparedURI(uri if text == uri else text, str(urlsplit(text).hostname))


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """What a ``Retry-After`` header asks for (RFC 9110 §10.2.3).

    :param value: Seconds or an HTTP date.
    :param now: The current instant; aware.
    :returns: A duration from 0 to a year; ``None`` if there is no telling.
    """
    if value is None:
        return None

    if _DELAY_SECONDS.fullmatch(value.strip()):
        # Twelve characters are far beyond a year already.
        wait = timedelta(seconds=int(value.strip()[:12]))
    else:
        date = _http_date(value)

        if date is None:
            return None

        wait = date - now

    return min(max(wait, timedelta(0)), _LONGEST_RETRY_AFTER)


def _http_date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
