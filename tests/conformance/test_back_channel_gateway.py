"""A logout that comes from another provider is passed on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.sample.clients import claims_of

from . import gateway
from .browser import Browser
from .conftest import Join
from .provider import Provider

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


@pytest.mark.spec("BCL-OP-36")
def test_a_logout_travels_on(
    plain: Provider, browser: Browser, join: Join, tmp_path: Path
) -> None:
    """The client of a provider hears when the user signs out at the one above."""
    below = join()

    with gateway.listening() as (app, url):
        middle = join(backchannel_logout_uri=f"{url}/back-channel-logout")
        idp_session = gateway.set_up(
            app,
            url,
            folder=tmp_path,
            above=plain,
            client_id=middle.client_id,
            below=below,
        )
        session = browser.sign_in(middle)
        about = {name: session.claims[name] for name in ("sub", "sid")}
        signed_in = requests.post(f"{url}/sign-in", data=about, timeout=20)

        browser.log_out_from(session)
        below.first_logout_token()
        idp_session.stop_background_work(app, timeout=timedelta(seconds=5))

    claims = claims_of(below.logout_tokens[0])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (url, "shop", "alice")
    assert claims["sid"] == signed_in.text != session.claims["sid"]
