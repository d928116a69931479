"""A provider that people use in every way, so that one can look at what it leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from flask import request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse

from idp_session import Principal
from idp_session.flask import user_session

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app

__all__ = [
    "CLAIM",
    "DATA",
    "ITEM",
    "NAME",
    "Visitor",
    "encodings",
    "using_host",
    "visit",
]

CLAIM = "confidential-claim-of-alice"
DATA = "confidential-data-of-alice"
ITEM = "confidential-item-of-alice"
NAME = "Alice of Wonderland"


class Visitor:
    """A browser that remembers every handle that it was given.

    :param host: The provider.
    """

    def __init__(self, host: Host) -> None:
        self._browser: FlaskClient = host.browser()
        #: The newest one is the last one.
        self.handles: list[str] = []

    def post(self, path: str, **options: Any) -> TestResponse:
        response = self._browser.post(path, **options)
        assert response.status_code < 300, response.text
        handle = attributes(response).get(HANDLE, {}).get("")

        if handle:
            self.handles.append(handle)

        return response


def using_host(**arguments: Any) -> Host:
    """A host with views that keep claims, items, data and attributes.

    :param arguments: As :func:`~tests.unit.hosts.host_app` takes them.
    """
    host = host_app(**arguments)

    @host.app.post("/prove/<method>")
    def prove(method: str) -> ResponseReturnValue:
        host.extension.sign_in(
            Principal(
                subject_id="alice",
                display_name=NAME,
                amr=(method,),
                acr="gold",
                claims={"note": CLAIM},
            ),
            persistent="remember" in request.args,
            items={"note": ITEM},
        )
        user_session.set_attribute("tenant", "acme")

        return {}

    return host


def visit(host: Host) -> Iterator[Visitor]:
    """Visitors who have done whatever one can do; all of them stay.

    :param host: From :func:`using_host`.
    """
    anonymous = Visitor(host)
    anonymous.post("/data", json={"cart": DATA})
    yield anonymous

    promoted = Visitor(host)
    promoted.post("/data", json={"cart": DATA})
    promoted.post("/prove/pwd")
    promoted.post("/join/shop")
    promoted.post("/prove/otp")
    yield promoted

    remembered = Visitor(host)
    remembered.post("/prove/pwd?remember")
    remembered.post("/join/shop")
    remembered.post("/join/mail")
    remembered.post("/data", json={"cart": DATA})
    yield remembered

    switched = Visitor(host)
    switched.post("/login/bob")
    switched.post("/join/shop")
    switched.post("/prove/pwd")
    yield switched


def encodings(octets: bytes) -> dict[str, bytes]:
    """What octets look like in a dump or a log, by the name of the encoding."""
    url_safe = base64.urlsafe_b64encode(octets)

    return {
        "raw": octets,
        "hex": octets.hex().encode(),
        "upper-case hex": octets.hex().upper().encode(),
        "base64": base64.b64encode(octets).rstrip(b"="),
        "base64url": url_safe.rstrip(b"="),
        "padded base64url": url_safe,
        "literal": repr(octets)[2:-1].encode(),
    }
