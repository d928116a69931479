"""What browsers and clients do at the sample provider."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from idp_session import LogoutReason

from .sample_host import EXTENSION
from .sample_host import Provider
from .sample_host import sid_of

AUTHORIZE = "/connect/authorize"
#: What a browser says of a form that another site has made it post.
FOREIGN: list[Any] = [
    pytest.param({"Origin": "https://evil.test"}, id="origin"),
    pytest.param({"Origin": "null"}, id="null"),
    pytest.param({"Origin": "https://idp.test.evil.test"}, id="look-alike"),
    pytest.param({"Origin": "http://idp.test"}, id="other scheme"),
    pytest.param({"Origin": "https://idp.test:8443"}, id="other port"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "noise"}, id="noise"),
    pytest.param(
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://idp.test"}, id="both"
    ),
]


def end(idp: Provider, browser: FlaskClient) -> None:
    """End the session of a browser, elsewhere."""
    with idp.app.app_context():
        assert EXTENSION.end(sid_of(browser), reason=LogoutReason.ADMIN)
