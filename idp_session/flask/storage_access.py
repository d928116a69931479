"""Storage Access Headers: what a frame may use that its browser has been granted.

https://privacycg.github.io/storage-access-headers/
"""

from __future__ import annotations

from flask import request
from flask import Response
from werkzeug.http import dump_options_header

from .._protocol.uris import origin_of
from ..ports import ClientOrigins

__all__ = ["retry_with_granted_storage", "use_granted_storage"]

_STATUS = "Sec-Fetch-Storage-Access"
_ANSWER = "Activate-Storage-Access"
#: There is a grant that is not used yet, and one that is.
_INACTIVE = "inactive"
_ACTIVE = "active"
#: No origin is longer, in characters: a name of 253, a scheme and a port.
_LONGEST = 267


def use_granted_storage(response: Response, origins: ClientOrigins) -> None:
    """Have the browser show a frame its cookies, if the user has allowed that.

    Nobody is asked for anything: a browser without a grant ignores the header.

    :param response: The page in the frame.
    :param origins: At which origins clients have pages.
    """
    response.vary.update(("Origin", _STATUS))
    status = request.headers.get(_STATUS)

    # "load" is enough: the page is the same for everybody, and needs its cookies
    # when it runs; "retry" would fetch it twice to no end.
    if status in {_INACTIVE, _ACTIVE} and _is_of_a_client(origins):
        response.headers[_ANSWER] = "load"


def retry_with_granted_storage(response: Response, *, origin: str) -> None:
    """Have the browser repeat a request with its cookies, if the user allowed that.

    To a frame of a client whose cookies were held back it would otherwise seem that
    nobody is signed in.

    :param response: What the request without cookies is answered.
    :param origin: The client's, where the answer leads; no other page is helped.
    """
    response.vary.update(("Origin", _STATUS))

    if request.headers.get(_STATUS) != _INACTIVE:
        return

    if request.headers.get("Origin") == origin:
        response.headers[_ANSWER] = dump_options_header(
            "retry", {"allowed-origin": origin}
        )


def _is_of_a_client(origins: ClientOrigins) -> bool:
    origin = request.headers.get("Origin", "")

    try:
        # Anything that a browser would not send is not looked up.
        is_one = len(origin) <= _LONGEST and origin_of(origin) == origin
    except ValueError:
        return False

    return is_one and origins.is_registered(origin)
