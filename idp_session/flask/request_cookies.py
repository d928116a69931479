"""The cookies of a request, found without looking at its other headers."""

from __future__ import annotations

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.sansio.http import parse_cookie

__all__ = ["cookies_of"]


def cookies_of(request: Request) -> ImmutableMultiDict[str, str]:
    """What ``request.cookies`` is, and is from now on for whoever asks.

    Werkzeug spells the name of every header anew to find the one that has the
    cookies, which takes as long as to read them; WSGI has them under one name.

    :param request: The request. One of a class that reads cookies in its own way
        does so here, too.
    """
    if "cookies" not in vars(request) and type(request).cookies is Request.cookies:
        header = request.environ.get("HTTP_COOKIE")
        cookies = parse_cookie(header, cls=request.dict_storage_class)
        request.cookies = cookies  # type: ignore[assignment]  # of the class above

    return request.cookies
