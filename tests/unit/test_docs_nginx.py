"""What cookie-mode.md and channels.md say of nginx is so."""

from __future__ import annotations

import mmap
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from idp_session.flask import session_events_blueprint

from ..sample.processes import wait_until
from .cookie_host import cookie_host
from .deployed import ROOT
from .hosts import HANDLE
from .hosts import host_app
from .nginx import nginx_before

pytestmark = pytest.mark.process

PAGE = ROOT / "docs" / "guides" / "cookie-mode.md"
[SETTINGS] = re.findall(r"^```nginx\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
_SECONDS = 20

#: What makes a session so long that its cookie does not fit into 4 kB.
_NOTE = {"note": "n" * 3000}


@contextmanager
def _served(app: Flask) -> Iterator[int]:
    """The port at which an app answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def provider() -> Iterator[int]:
    """The port of a provider whose sessions are in cookies."""
    with _served(cookie_host().app) as port:
        yield port


def _write(address: str) -> requests.Response:
    return requests.post(f"{address}/data", json=_NOTE, timeout=_SECONDS)


def _cookies(response: requests.Response) -> str:
    """What a browser would send back, by https."""
    return "; ".join(f"{each.name}={each.value}" for each in response.cookies)


@pytest.mark.skipif(mmap.PAGESIZE != 4096, reason="nginx has larger buffers here")
def test_a_long_cookie_is_refused(provider: int, tmp_path: Path) -> None:
    """As nginx comes, it has no answer for who has a long session."""
    with nginx_before(provider, tmp_path) as address:
        refused = _write(address)

    assert refused.status_code == 502


def test_a_long_cookie_passes(provider: int, tmp_path: Path) -> None:
    """With the lines of the guide it passes, and so does the request that has it."""
    with nginx_before(provider, tmp_path, settings=SETTINGS) as address:
        written = _write(address)
        cookies = {"Cookie": _cookies(written)}
        read = requests.get(f"{address}/data", headers=cookies, timeout=_SECONDS)

    assert len(cookies["Cookie"]) > 4096
    assert (written.status_code, read.json()) == (200, _NOTE)


def test_events_are_not_kept_back(tmp_path: Path) -> None:
    """Through nginx comes what a stream has to say, while the stream is still open."""
    host = host_app()
    host.app.register_blueprint(session_events_blueprint(), url_prefix="/account")
    browser = host.signed_in()
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    assert handle is not None

    with (
        _served(host.app) as port,
        nginx_before(port, tmp_path) as address,
        requests.get(
            f"{address}/account/session-events",
            headers={"Cookie": f"{HANDLE}={handle.value}"},
            stream=True,
            timeout=_SECONDS,
        ) as stream,
    ):
        wait_until(lambda: host.state.channels.open_count == 1, _SECONDS)
        browser.post("/data", json=_NOTE)
        heard = next(line for line in stream.iter_lines() if b"event" in line)
        browser.post("/logout")

    assert heard == b"event: changed"
