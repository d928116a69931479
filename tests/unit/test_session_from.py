"""Sessions by hand: in a job, a shell, a test, and inside a request."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idp_session import LogoutReason
from idp_session import Principal
from idp_session.flask import session_ended
from idp_session.flask import user_session

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "transports.md"
WRONG = "x" * 43
CAROL = Principal(subject_id="carol", amr=("pwd",))


@pytest.fixture
def host() -> Host:
    return host_app()


def handle_of(host: Host, subject: str = "alice") -> str:
    """The handle of somebody who has just signed in."""
    return attributes(host.browser().post(f"/login/{subject}"))[HANDLE][""]


def subject() -> str | None:
    user = user_session.user

    return None if user is None else user.subject_id


def data_of(host: Host, handle: str) -> dict[str, Any]:
    """What a session keeps, as another block finds it."""
    with host.app.app_context(), host.extension.session_from(handle) as session:
        return {name: session.data.get(name) for name in session.data}


def in_thread(run: Callable[[], object]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)


def fail(host: Host, handle: str) -> None:
    with host.extension.session_from(handle) as session:
        session.data.set("a", 1)
        _ = 1 / 0


def test_a_job_works_with_the_session(host: Host) -> None:
    """Inside the block the session is the current one, under every name that it has."""
    handle = handle_of(host)

    with host.app.app_context(), host.extension.session_from(handle) as session:
        found = (subject(), host.extension.user_session.session_id)

        assert found == ("alice", session.session_id)
        assert session.handle == handle


def test_without_a_request_or_a_handle(host: Host) -> None:
    """The error says what to do."""
    with (
        host.app.app_context(),
        pytest.raises(RuntimeError, match=r"with idp_session\.session_from\(handle\)"),
    ):
        _ = user_session.user

    with pytest.raises(RuntimeError, match=r"with app\.app_context\(\)"):
        _ = user_session.user


def test_the_block_needs_an_app(host: Host) -> None:
    """Without an app nobody knows where sessions are kept."""
    with (
        pytest.raises(RuntimeError, match="application context"),
        host.extension.session_from(WRONG),
    ):
        pass  # pragma: no cover


@pytest.mark.parametrize(
    "handle",
    [
        pytest.param(WRONG, id="unknown"),
        pytest.param("", id="empty"),
        pytest.param("drop table;", id="malformed"),
        pytest.param("ä" * 43, id="not ASCII"),
        pytest.param(None, id="none"),
    ],
)
def test_a_wrong_handle_is_nobody(host: Host, handle: str | None) -> None:
    """There is a session in the block, in which nobody is signed in."""
    with host.app.app_context(), host.extension.session_from(handle) as session:
        assert session.user is None
        assert session.client_ids == ()
        assert host.extension.sign_out() is None


@pytest.mark.parametrize("handle", [b"x" * 43, 7, True], ids=["bytes", "int", "bool"])
def test_what_is_no_handle_at_all(host: Host, handle: Any) -> None:
    """A mistake of the caller is said at once, and is not nobody's session."""
    with host.app.app_context(), pytest.raises(TypeError, match="a handle is a str"):  # noqa: SIM117
        with host.extension.session_from(handle):
            pass


def test_an_exception_saves_nothing(host: Host) -> None:
    """What a block has left half done, it has not done; and the block is over."""
    handle = handle_of(host)

    with host.app.app_context():
        with pytest.raises(ZeroDivisionError):
            fail(host, handle)

        with pytest.raises(RuntimeError, match="session_from"):
            _ = user_session.user

    assert data_of(host, handle) == {}


def test_leaving_saves_at_once(host: Host) -> None:
    """Data is saved when the block is left, not before and not later."""
    handle = handle_of(host)

    with host.app.app_context():
        with host.extension.session_from(handle):
            user_session.data.set("a", 1)
            before = data_of(host, handle)

        assert before == {}
        assert data_of(host, handle) == {"a": 1}


def test_a_session_that_ends_meanwhile(host: Host) -> None:
    """Nothing brings it back, and nobody is disturbed."""
    handle = handle_of(host)

    with host.app.app_context():
        with host.extension.session_from(handle) as session:
            session.data.set("a", 1)
            host.extension.end_all(subject_id="alice", reason=LogoutReason.ADMIN)

        with host.extension.session_from(handle) as session:
            assert session.user is None


def test_a_sign_in_gives_a_new_handle(host: Host) -> None:
    """The handle is at the session, also after the block; the old one is dead."""
    handle = handle_of(host)

    with host.app.app_context():
        with host.extension.session_from(handle) as session:
            host.extension.sign_in(Principal(subject_id="alice", amr=("otp",)))
        renewed = session.handle

        assert renewed not in {None, handle}

        with host.extension.session_from(renewed):
            assert subject() == "alice"
        with host.extension.session_from(handle):
            assert subject() is None


def test_a_browser_goes_on_with_a_handle_from_a_test(host: Host) -> None:
    """A test of the host signs somebody in without a form, and gives it to a browser."""
    with host.app.app_context(), host.extension.session_from(None) as session:
        host.extension.sign_in(CAROL)
    browser = host.browser()
    browser.set_cookie(HANDLE, session.handle or "", domain="idp.test", secure=True)

    assert browser.get("/whoami").get_json()["subject"] == "carol"


def test_the_end_takes_the_handle(host: Host) -> None:
    """After the end there is no handle, and a receiver of the signal sees nobody."""
    seen: list[str | None] = []
    handle = handle_of(host)

    with (
        host.app.app_context(),
        host.extension.session_from(handle) as session,
        session_ended.connected_to(lambda _, **__: seen.append("told"), host.app),
    ):
        host.extension.sign_out()

        assert session.handle is None
        assert subject() is None
    assert seen == ["told"]


def test_blocks_are_nested(host: Host) -> None:
    """The inner session is the current one until its block is left, by whatever way."""
    alice, bob = handle_of(host), handle_of(host, "bob")
    seen = []

    with host.app.app_context(), host.extension.session_from(alice):
        with host.extension.session_from(bob):
            user_session.data.set("whose", "bob")
            seen.append(subject())
        with pytest.raises(KeyError), host.extension.session_from(bob):
            raise KeyError
        seen.append(subject())
        user_session.data.set("whose", "alice")

    assert seen == ["bob", "alice"]
    assert data_of(host, alice) == {"whose": "alice"}
    assert data_of(host, bob) == {"whose": "bob"}


def test_inside_a_request(host: Host) -> None:
    """The given session is the current one in the block, the request's own afterwards."""
    given: list[str] = []

    @host.app.post("/both")
    def both() -> list[str | None]:
        user_session.data.set("mine", 1)
        before = subject()
        with host.extension.session_from(*given):
            user_session.data.set("given", 2)
            inside = subject()
            host.extension.sign_out()

        return [before, inside, subject()]

    given.append(handle_of(host, "bob"))
    browser = host.signed_in()
    response = browser.post("/both")

    assert response.json == ["alice", "bob", "alice"]
    assert "Set-Cookie" not in response.headers
    assert browser.get("/data").json == {"mine": 1}
    assert data_of(host, *given) == {}


def test_a_sign_in_by_hand_gives_the_browser_nothing(host: Host) -> None:
    """What happens in the block changes no cookie of the request around it."""

    @host.app.post("/other")
    def other() -> str:
        with host.extension.session_from(None) as session:
            host.extension.sign_in(CAROL)

        return session.handle or ""

    browser = host.signed_in()
    response = browser.post("/other")

    assert len(response.text) == 43
    assert attributes(response) == {}
    assert browser.get("/whoami").get_json()["subject"] == "alice"


def test_a_request_inside_a_block_has_its_own_session(host: Host) -> None:
    """A test client that is used in a block is a browser like any other."""
    browser = host.signed_in(subject="bob")
    given = handle_of(host)

    with host.app.app_context(), host.extension.session_from(given):
        inner = browser.get("/whoami").get_json()["subject"]
        stranger = host.browser().get("/whoami").get_json()["subject"]
        outer = subject()

    assert (inner, stranger, outer) == ("bob", None, "alice")


def test_another_app_does_not_see_it(host: Host) -> None:
    """A handle of one provider is nothing to another one in the same process."""
    other = host_app()

    with host.app.app_context(), host.extension.session_from(handle_of(host)):
        with other.app.app_context(), pytest.raises(RuntimeError, match="no request"):
            _ = user_session.user

        assert subject() == "alice"


def test_each_thread_has_its_own(host: Host) -> None:
    """A thread begins without a session, and its blocks change no other thread's."""
    alice, bob = handle_of(host), handle_of(host, "bob")
    seen: list[object] = []

    def look() -> None:
        with host.app.app_context():
            try:
                seen.append(subject())
            except RuntimeError:
                seen.append("no session")
            with host.extension.session_from(bob):
                seen.append(subject())

    with host.app.app_context(), host.extension.session_from(alice):
        # An empty context, which is what threads have by default.
        in_thread(lambda: contextvars.Context().run(look))
        seen.append(subject())

    assert seen == ["no session", "bob", "alice"]


def test_a_copied_context_sees_the_block(host: Host) -> None:
    """Who hands the context on hands the session on, as with that of a request."""
    seen = []

    with host.app.app_context(), host.extension.session_from(handle_of(host)):
        context = contextvars.copy_context()
        in_thread(lambda: seen.append(context.run(subject)))

    assert seen == ["alice"]


def test_a_copied_context_after_the_block(host: Host) -> None:
    """Code that runs on gets an error: not nobody's session, and not somebody else's."""
    errors: list[str] = []
    given: list[str] = []

    def run_on() -> None:
        try:
            _ = user_session.user
        except RuntimeError as error:
            errors.append(str(error))

    @host.app.post("/later")
    def later() -> str:
        with host.extension.session_from(*given):
            context = contextvars.copy_context()
        in_thread(lambda: context.run(run_on))

        return ""

    given.append(handle_of(host, "bob"))
    host.signed_in().post("/later")

    assert len(errors) == 1
    assert "is over" in errors[0]


def test_the_guide_works(host: Host) -> None:
    """The job of the guide keeps its data, with a handle that its test made."""
    guide: dict[str, Any] = {"__name__": __name__}
    for block in GUIDE.read_text().split("```python\n")[2:4]:
        exec(block.split("```")[0], guide)  # noqa: S102 - our own text

    handle = guide["signed_in"](host.app, host.extension, "alice")

    assert guide["finish_report"](host.app, host.extension, handle) is True
    assert guide["finish_report"](host.app, host.extension, WRONG) is False
    assert data_of(host, handle) == {"report": "ready"}


def test_the_handle_is_shown_nowhere(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a log nor what a debugger prints of the session has the handle."""
    handle = handle_of(host)

    with (
        caplog.at_level(logging.DEBUG),
        host.app.app_context(),
        host.extension.session_from(handle) as session,
    ):
        session.data.set("a", 1)
        host.extension.end_all(subject_id="alice", reason=LogoutReason.ADMIN)
        shown = f"{session!r} {session} {user_session!r} {session.data!r}"

    assert handle not in shown
    assert "data was not kept" in caplog.text
    assert handle not in caplog.text
