"""The stream that tells a page what happens to its session."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session.errors import ConfigurationError
from idp_session.flask import protocol_blueprint
from idp_session.flask import session_events_blueprint

from .hosts import attributes
from .hosts import Host
from .hosts import host_app
from .hosts import SESSION_ID
from .listening import Ear

URL = "/account/session-events"
OPEN = b"retry: 2000\n: open\n\n"
KEEP_ALIVE = b":\n\n"
ENDED = b'event: ended\ndata: {"kind": "ended"}\n\n'
CLIENTS = b'event: changed\ndata: {"kind": "clients_changed"}\n\n'
DATA = b'event: changed\ndata: {"kind": "data_changed"}\n\n'
LONG = timedelta(hours=1)


def make(
    keep_alive: timedelta = LONG, lifetime: timedelta = LONG, **config: Any
) -> Host:
    """A host with the endpoint."""

    def register(app: Flask) -> None:
        app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
        app.register_blueprint(
            session_events_blueprint(keep_alive=keep_alive, lifetime=lifetime),
            url_prefix="/account",
        )

    settings = {f"IDP_SESSION_{name.upper()}": config[name] for name in config}

    return host_app(config=settings, register=register)


@pytest.fixture
def host() -> Iterator[Host]:
    host = make()
    yield host
    host.extension.stop_background_work(host.app, timeout=timedelta(0))


class Stream:
    """An open stream."""

    def __init__(self, browser: FlaskClient, **more: Any) -> None:
        self.response: TestResponse = browser.get(URL, buffered=False, **more)
        assert self.response.status_code == 200
        self._pieces = self.response.iter_encoded()

    def next(self) -> bytes | None:
        return next(self._pieces, None)

    def close(self) -> None:
        self.response.close()

    def bound(self, host: Host) -> Stream:
        """Read on in a thread until it waits for something to happen."""
        assert self.next() == OPEN
        self._found: list[bytes | None] = []
        self._reader = threading.Thread(target=lambda: self._found.append(self.next()))
        self._reader.start()
        deadline = time.monotonic() + 30
        while not host.state.channels.open_count:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        return self

    def awaited(self) -> bytes | None:
        """What it was waiting for."""
        self._reader.join(30)
        [found] = self._found

        return found


def session_id_of(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(SESSION_ID, domain="idp.test")
    assert cookie is not None

    return cookie.value


def end(host: Host, browser: FlaskClient) -> None:
    """End the session from elsewhere."""
    host.browser().post(f"/end/{session_id_of(browser)}")


def test_the_end_is_sent_at_once(host: Host) -> None:
    """The page hears that its session has ended, and the stream is over."""
    browser = host.signed_in()
    stream = Stream(browser).bound(host)

    end(host, browser)

    assert stream.awaited() == ENDED
    assert stream.next() is None


def test_changes_are_sent(host: Host) -> None:
    """The page hears that a client has joined, and that data changed."""
    browser = host.signed_in()
    sid = session_id_of(browser)
    stream = Stream(browser).bound(host)

    browser.post("/join/shop")

    assert stream.awaited() == CLIENTS
    with host.app.app_context():
        host.extension.channels.data_changed(sid)
    assert stream.next() == DATA
    stream.close()


def test_a_client_that_leaves_is_a_change(host: Host) -> None:
    """The page hears that a client has left, and its session goes on."""
    browser = host.signed_in("shop")
    stream = Stream(browser).bound(host)

    browser.post("/leave/shop")

    assert stream.awaited() == CLIENTS
    stream.close()


def test_a_client_that_is_known_changes_nothing(host: Host) -> None:
    """Nobody is told of what did not happen."""
    browser = host.signed_in("shop")
    ear = Ear()
    with host.app.app_context():
        host.extension.channels.bind(session_id_of(browser), ear)

    browser.post("/join/shop")

    assert ear.events == []


def test_a_browser_that_is_slow_is_told_once(host: Host) -> None:
    """However much happens meanwhile, it is kept in bounded space."""
    browser = host.signed_in()
    stream = Stream(browser)
    sid = session_id_of(browser)
    stream.bound(host)
    with host.app.app_context():
        host.extension.channels.data_changed(sid)
    assert stream.awaited() == DATA

    with host.app.app_context():
        for _ in range(100):
            host.extension.channels.data_changed(sid)
    end(host, browser)

    assert [stream.next(), stream.next(), stream.next()] == [DATA, ENDED, None]


def test_an_end_before_the_stream_is_read(host: Host) -> None:
    """An end between the answer and its body is not missed."""
    browser = host.signed_in()
    stream = Stream(browser)

    end(host, browser)

    assert [stream.next(), stream.next(), stream.next()] == [OPEN, ENDED, None]


def test_headers(host: Host) -> None:
    """Nobody keeps the stream or holds it back, and it sets no cookie."""
    stream = Stream(host.signed_in())
    headers = stream.response.headers

    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert attributes(stream.response) == {}
    stream.close()


def test_quiet_streams_are_kept_alive() -> None:
    """Now and then a comment is sent, which pages do not see."""
    host = make(keep_alive=timedelta(milliseconds=10))
    stream = Stream(host.signed_in())

    assert [stream.next() for _ in range(3)] == [OPEN, KEEP_ALIVE, KEEP_ALIVE]
    stream.close()


def test_streams_have_a_bounded_life() -> None:
    """After its lifetime a stream is over, and its place is free."""
    host = make(lifetime=timedelta(milliseconds=50), max_event_streams=1)
    browser = host.signed_in()
    stream = Stream(browser)

    pieces = [stream.next() for _ in range(3)]
    stream.close()

    assert pieces == [OPEN, KEEP_ALIVE, None]
    assert host.state.channels.open_count == 0
    Stream(browser).close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_is_not_signed_in(host: Host, method: str) -> None:
    """Without a session the browser is told not to ask again."""
    answer = host.browser().open(URL, method=method)

    assert answer.status_code == 204
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("handle", ["nonsense", "A" * 43])
def test_a_handle_of_nothing(host: Host, handle: str) -> None:
    """A cookie that leads to no session is as good as none."""
    browser = host.browser()
    browser.set_cookie("__Host-idp_session", handle, domain="idp.test", secure=True)

    assert browser.get(URL, base_url="https://idp.test").status_code == 204


def test_a_page_of_another_session(host: Host) -> None:
    """A page that was made for a session before this one hears that it is over."""
    browser = host.signed_in()
    mine = {"session_id": session_id_of(browser)}

    before = browser.head(URL, query_string=mine).status_code
    browser.post("/login/bob")
    after = browser.get(URL, query_string=mine).status_code

    assert (before, after) == (200, 204)


def test_asking_takes_no_place() -> None:
    """HEAD says whether the session goes on, also when there is no place."""
    host = make(max_event_streams=0)
    browser = host.signed_in()

    answer = browser.head(URL)

    assert answer.status_code == 200
    assert answer.data == b""


def test_there_are_only_so_many() -> None:
    """Who finds no place is told when to come again; a closed stream frees one."""
    host = make(max_event_streams=2)
    browser = host.signed_in()
    streams = [Stream(browser), Stream(browser)]

    refused = browser.get(URL)
    streams[0].close()
    streams[0].close()

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "30"
    Stream(browser).close()
    streams[1].close()


def test_a_response_that_is_lost_frees_its_place() -> None:
    """When a host's own code fails after the view nothing is taken for ever."""
    host = make(max_event_streams=1)
    host.app.testing = False
    # A log that is kept would keep the traceback, and with it the response.
    host.app.logger.disabled = True
    failing = [True]

    @host.app.after_request
    def fail(response: Any) -> Any:
        if failing and response.mimetype == "text/event-stream":
            raise ZeroDivisionError(failing.pop())
        return response

    browser = host.signed_in()

    assert browser.get(URL).status_code == 500
    gc.collect()
    Stream(browser).close()


def test_a_browser_that_goes_away_leaves_no_channel(host: Host) -> None:
    """Closing the stream closes the channel."""
    stream = Stream(host.signed_in())
    stream.next()
    host.state.channels.missed()
    sid = [*host.state.channels._bindings]

    stream.close()

    assert sid == []
    assert host.state.channels.open_count == 0


@pytest.mark.parametrize(
    ("site", "status"),
    [
        pytest.param("same-origin", 200, id="our own page"),
        pytest.param("none", 200, id="typed by hand"),
        pytest.param("same-site", 403, id="a neighbour"),
        pytest.param("cross-site", 403, id="another site"),
    ],
)
def test_other_sites_take_no_place(host: Host, site: str, status: int) -> None:
    """The cookie comes with requests from other sites, and is not enough."""
    browser = host.signed_in()

    answer = browser.head(URL, headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status


def test_a_stream_does_not_keep_a_session_alive(host: Host) -> None:
    """A page that is left open does not keep its session from expiring."""
    browser = host.signed_in()

    host.clock.tick(timedelta(minutes=110))
    stream = Stream(browser)
    host.clock.tick(timedelta(minutes=11))

    assert [stream.next(), stream.next()] == [OPEN, ENDED]
    assert browser.get("/whoami").get_json()["subject"] is None


def test_a_stopping_process_ends_its_streams(host: Host) -> None:
    """Whoever is connected goes elsewhere, and the process need not wait."""
    stream = Stream(host.signed_in()).bound(host)

    host.extension.stop_background_work(host.app, timeout=timedelta(0))

    assert stream.awaited() in {KEEP_ALIVE, None}
    assert stream.next() is None


def test_a_child_process_has_all_places() -> None:
    """What the parent serves does not count in a forked child."""
    host = make(max_event_streams=1)
    browser = host.signed_in()
    stream = Stream(browser)

    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        os._exit(0 if browser.get(URL, buffered=False).status_code == 200 else 1)

    assert os.waitpid(child, 0)[1] == 0
    stream.close()


def test_a_broadcast_of_the_hosts_own() -> None:
    """What is given to init_app is what events go through."""
    published = []

    class Recording:
        def publish(self, event: Any) -> None:
            published.append(event.session_id)

        def subscribe(self, listener: Any) -> None: ...

        def stop(self) -> None: ...

    host = host_app(broadcast=Recording())
    browser = host.signed_in("shop")
    sid = session_id_of(browser)

    browser.post("/logout")

    assert published == [sid, sid]


def test_the_url_of_redis_is_checked_at_the_start() -> None:
    """A setting that cannot work stops the start."""
    with pytest.raises(ConfigurationError, match="IDP_SESSION_BROADCAST_URL"):
        make(broadcast_url="nonsense")


def test_redis_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not installed it is told what to install."""
    name = "idp_session.adapters.redis_broadcast"
    monkeypatch.setitem(__import__("sys").modules, name, None)

    with pytest.raises(ConfigurationError, match=r"idp-session\[redis\]"):
        make(broadcast_url="redis://127.0.0.1:1/")
