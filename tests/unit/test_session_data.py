"""The data of a session: what is taken, what is given, and when it is kept."""

from __future__ import annotations

import enum
import logging
from collections import OrderedDict
from datetime import timedelta
from typing import Any

import pytest

from idp_session.adapters.crypto import handle_key
from idp_session.errors import SessionGoneError
from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from idp_session.services.data import DefaultSessionData
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

ALICE = Principal(subject_id="alice")
BOB = Principal(subject_id="bob")
PLAIN = AuthenticationProperties()
HOUR = timedelta(hours=1)

CIRCULAR_LIST: list[Any] = []
CIRCULAR_LIST.append(CIRCULAR_LIST)
CIRCULAR_DICT: dict[str, Any] = {}
CIRCULAR_DICT["self"] = [CIRCULAR_DICT]


class Colour(enum.StrEnum):
    RED = "red"


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def data() -> DefaultSessionData:
    """Data of which ``a`` and ``b`` are kept."""
    return DefaultSessionData(lambda: {"a": "1", "b": '{"c":[2]}'})


def record_of(provider: FakeProvider, browser: FakeTransport) -> ServerSideSession:
    assert browser.handle is not None
    record = provider.store.get(handle_key(browser.handle))
    assert record is not None

    return record


def sessions(provider: FakeProvider) -> tuple[ServerSideSession, ...]:
    """All of them."""
    return provider.store.query(SessionFilter(anonymous=None), limit=99, after=None)


def put(provider: FakeProvider, browser: FakeTransport, **values: Any) -> None:
    """Set data, in a request of its own."""
    user_session = provider.request(browser)
    user_session.data.update(values)
    user_session.save()


def found(provider: FakeProvider, browser: FakeTransport) -> dict[str, Any]:
    """The data that the next request finds."""
    data = provider.request(browser).data

    return {name: data.get(name) for name in data}


def visitor(provider: FakeProvider, **values: Any) -> FakeTransport:
    """A browser in which nobody is signed in and that has data."""
    browser = FakeTransport()
    put(provider, browser, **values)
    provider.spy.calls.clear()

    return browser.next_request()


# The values


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param(True, id="true"),
        pytest.param(0, id="zero"),
        pytest.param(-(2**70), id="large integer"),
        pytest.param(0.1, id="float"),
        pytest.param("", id="empty string"),
        pytest.param("🦊 \0 \udcff", id="any characters"),
        pytest.param([], id="empty list"),
        pytest.param({"": [{"a": [1, None]}]}, id="nested"),
    ],
)
def test_json_values_come_back(provider: FakeProvider, value: Any) -> None:
    """Whatever JSON can say is the same in the next request."""
    browser = provider.browser()

    put(provider, browser, basket=value)

    assert found(provider, browser) == {"basket": value}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(object(), "basket is not .* object", id="object"),
        pytest.param(b"", "basket is not .* bytes", id="bytes"),
        pytest.param((1,), "basket is not .* tuple", id="tuple"),
        pytest.param({1}, "basket is not .* set", id="set"),
        pytest.param(Colour.RED, "basket is not .* Colour", id="enum"),
        pytest.param(OrderedDict(), "basket is not .* OrderedDict", id="mapping"),
        pytest.param(float("nan"), "basket is not .* nan", id="NaN"),
        pytest.param([float("inf")], r"basket\[0\] is not .* inf", id="infinity"),
        pytest.param({1: 2}, "a name in basket is not a string", id="name"),
        pytest.param(
            {"a": [1, {"b": object()}]},
            r"basket\.a\[1\]\.b is not a JSON value but of type object",
            id="deep inside",
        ),
        pytest.param(CIRCULAR_LIST, "contains itself", id="circular list"),
        pytest.param(CIRCULAR_DICT, "contains itself", id="circular dict"),
        pytest.param(10**5000, "cannot be written as JSON", id="endless integer"),
    ],
)
def test_anything_else_is_refused(
    data: DefaultSessionData, value: Any, words: str
) -> None:
    """What would not come back as it was is refused at once, and nothing is set."""
    with pytest.raises(TypeError, match=words):
        data.update({"other": 1, "basket": value})

    assert set(data) == {"a", "b"}
    assert not data.changed


@pytest.mark.parametrize(
    ("name", "error"),
    [
        pytest.param("", ValueError, id="empty"),
        pytest.param("n" * 256, ValueError, id="too long"),
        pytest.param("a\0", ValueError, id="NUL"),
        pytest.param("\udcff", ValueError, id="half a character"),
        pytest.param(1, TypeError, id="number"),
        pytest.param(Colour.RED, TypeError, id="enum"),
    ],
)
def test_names_that_are_refused(
    data: DefaultSessionData, name: Any, error: type[Exception]
) -> None:
    """A name is a string that every database can keep."""
    with pytest.raises(error, match=r"string|characters"):
        data.set(name, 1)

    assert not data.changed


def test_what_is_there(data: DefaultSessionData) -> None:
    """Values are looked up by name, and names can be listed."""
    assert data.get("a") == 1
    assert data.get("c") is None
    assert data.get("c", "nothing") == "nothing"
    assert "a" in data
    assert "c" not in data
    assert sorted(data) == ["a", "b"]
    assert len(data) == 2
    assert not data.changed


def test_changes_show_at_once(data: DefaultSessionData) -> None:
    """What was set, merged and removed is what there is."""
    data.set("c", 3)
    data.update({"a": None, "d": 4})
    data.remove("b")
    data.remove("unknown")

    assert {name: data.get(name, "nothing") for name in data} == {
        "a": None,
        "c": 3,
        "d": 4,
    }
    assert data.changes() == {"a": "null", "b": None, "c": "3", "d": "4"}
    assert data.changed


def test_clear(data: DefaultSessionData) -> None:
    """Nothing is left, whatever was done before."""
    data.remove("a")
    data.set("c", 3)

    data.clear()

    assert list(data) == []
    assert data.changes() == {"a": None, "b": None}


def test_values_are_copies(data: DefaultSessionData) -> None:
    """To change what was given or got changes nothing until it is set."""
    given = [1]
    data.set("list", given)
    given.append(2)
    data.get("b")["c"].append(3)

    assert data.get("list") == [1]
    assert data.get("b") == {"c": [2]}
    assert data.changes() == {"list": "[1]"}


def test_no_difference_is_no_change(data: DefaultSessionData) -> None:
    """To set what is kept, or to change it and change it back, is nothing to keep."""
    data.set("a", 1)
    data.set("b", 2)
    data.set("b", {"c": [2]})
    data.set("c", 3)
    data.remove("c")

    assert not data.changed


# When it is read and written


def test_data_is_read_only_when_asked_for(provider: FakeProvider) -> None:
    """Who does not ask for data does not pay for it."""
    browser = provider.browser()
    user_session = provider.request(browser)

    session_id, changed = user_session.session_id, user_session.data.changed
    user_session.save()

    assert session_id
    assert not changed
    assert provider.spy.calls == ["get"]


def test_data_is_read_and_written_once(provider: FakeProvider) -> None:
    """However often it is changed, there is one reading and one writing."""
    browser = provider.browser()
    user_session = provider.request(browser)

    for number in range(5):
        user_session.data.set("number", number)
        assert user_session.data.get("number") == number
    user_session.save()
    user_session.save()

    assert provider.spy.calls == ["get", "read_data", "write_data"]
    assert found(provider, browser) == {"number": 4}


def test_unchanged_data_is_not_written(provider: FakeProvider) -> None:
    """A set that changes nothing writes nothing."""
    browser = provider.browser()
    put(provider, browser, number=1)
    provider.spy.calls.clear()

    put(provider, browser, number=1)

    assert provider.spy.calls == ["get", "read_data"]


def test_requests_that_change_different_names(provider: FakeProvider) -> None:
    """Both have their way; of two that change the same name the later one has."""
    browser = provider.browser()
    put(provider, browser, old=0)
    one, two = provider.request(browser), provider.request(browser)
    one.data.update({"a": 1, "same": 1})
    two.data.update({"b": 2, "same": 2})
    two.data.remove("old")

    two.save()
    one.save()

    assert found(provider, browser) == {"a": 1, "b": 2, "same": 1}


def test_kept_data_is_sealed(provider: FakeProvider) -> None:
    """A stolen database says nothing, and values cannot be moved within it."""
    browser = provider.browser()
    put(provider, browser, a="secret words", b=2)
    session_id = record_of(provider, browser).session_id

    kept = provider.store.read_data(session_id)
    provider.store.write_data(session_id, changed={"b": kept["a"]}, removed=())

    assert b"secret words" not in kept["a"]
    assert found(provider, browser) == {"a": "secret words"}


def test_data_of_another_session_does_not_open(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor can values be moved to another session; that is said and not shown."""
    one, two = provider.browser(), provider.browser()
    put(provider, one, a=1)
    kept = provider.store.read_data(record_of(provider, one).session_id)

    provider.store.write_data(
        record_of(provider, two).session_id, changed=kept, removed=()
    )

    assert found(provider, two) == {}
    assert "no key opens the value 'a'" in caplog.text


def test_a_late_save_brings_nothing_back(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Changes of a session that ended meanwhile are lost with it."""
    caplog.set_level(logging.INFO)
    browser = provider.browser()
    user_session = provider.request(browser)
    user_session.data.set("a", 1)
    provider.request(browser.next_request()).end(LogoutReason.USER)

    user_session.save()

    assert user_session.user is None
    assert not user_session.data.changed
    assert sessions(provider) == ()
    assert "its session has ended" in caplog.text


def test_what_was_set_before_a_sign_out_is_lost(provider: FakeProvider) -> None:
    """What is set after it begins an anonymous session."""
    browser = provider.browser()
    user_session = provider.request(browser)
    user_session.data.set("a", 1)
    user_session.end(LogoutReason.USER)
    user_session.data.set("message", "bye")

    user_session.save()

    assert found(provider, browser.next_request()) == {"message": "bye"}
    assert [each.subject_id for each in sessions(provider)] == [None]


# Anonymous sessions


def test_data_begins_an_anonymous_session(provider: FakeProvider) -> None:
    """The browser gets a handle and nothing else, and still nobody is signed in."""
    browser = FakeTransport()

    put(provider, browser, basket=[1])

    user_session = provider.request(browser.next_request())
    user_session.ensure_session_id_cookie()
    user_session.add_client_id("shop")
    assert browser.calls == ["issue_handle"]
    assert browser.handle_expires_at is None
    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.properties is None
    assert user_session.client_ids == ()
    assert user_session.data.get("basket") == [1]


@pytest.mark.parametrize("name", ["get", "remove", "clear"])
def test_reading_begins_no_session(provider: FakeProvider, name: str) -> None:
    """Who only looks, or removes what is not there, leaves nothing behind."""
    browser = FakeTransport()
    user_session = provider.request(browser)

    getattr(user_session.data, name)(*([] if name == "clear" else ["a"]))
    user_session.save()
    user_session.unset_attribute("a")

    assert user_session.attributes == {}
    assert provider.spy.calls == []
    assert browser.calls == []


def test_a_sign_in_takes_the_data_over(provider: FakeProvider) -> None:
    """Data and attributes stay; handle and session id are new."""
    browser = visitor(provider, basket=[1])
    provider.request(browser).set_attribute("order", "42")
    planted, before = browser.handle, record_of(provider, browser)

    session_id = provider.sign_in(browser)

    user_session = provider.request(browser.next_request())
    assert session_id != before.session_id
    assert user_session.session_id == session_id
    assert user_session.data.get("basket") == [1]
    assert user_session.attributes == {"order": "42"}
    assert provider.store.find(before.session_id) is None
    assert browser.session_id_copy == session_id
    assert planted != browser.handle
    assert provider.ended == []


def test_a_planted_handle_signs_nobody_in(provider: FakeProvider) -> None:
    """Whoever gave the victim a handle has a handle of nothing (session fixation)."""
    planted = visitor(provider, basket=[1])
    victim = FakeTransport(planted.handle)
    provider.sign_in(victim)
    put(provider, victim, secret=1)

    attacker = provider.request(FakeTransport(planted.handle))

    assert attacker.user is None
    assert attacker.session_id is None
    assert list(attacker.data) == []
    mallory = FakeTransport(planted.handle)
    provider.sign_in(mallory, "mallory")
    assert found(provider, mallory) == {}


def test_what_the_sign_in_request_has_set_is_kept(provider: FakeProvider) -> None:
    """Changes that were not saved before the sign-in are saved after it."""
    browser = visitor(provider, a=1, b=1)
    user_session = provider.request(browser)
    user_session.data.set("b", 2)
    user_session.create_session_id(ALICE, PLAIN)
    user_session.data.set("c", 3)

    user_session.save()

    assert found(provider, browser.next_request()) == {"a": 1, "b": 2, "c": 3}
    assert len(sessions(provider)) == 1


def test_the_same_subject_keeps_its_data(provider: FakeProvider) -> None:
    """To sign in again changes neither data nor attributes."""
    browser = provider.browser()
    put(provider, browser, a=1)
    provider.request(browser).set_attribute("tenant", "acme")

    provider.sign_in(browser)

    assert found(provider, browser) == {"a": 1}
    assert provider.request(browser).attributes == {"tenant": "acme"}


def test_another_subject_gets_nothing(provider: FakeProvider) -> None:
    """Neither what is kept nor what was set in the same request is for the next user."""
    browser = provider.browser()
    put(provider, browser, a=1)
    provider.request(browser).set_attribute("tenant", "acme")
    user_session = provider.request(browser)
    user_session.data.set("b", 2)

    user_session.create_session_id(BOB, PLAIN)
    user_session.save()

    assert list(user_session.data) == []
    assert user_session.attributes == {}
    assert found(provider, browser.next_request()) == {}


def test_another_subject_gets_no_value_that_was_set_again(
    provider: FakeProvider,
) -> None:
    """A value that was set to what is kept already is not for the next user either."""
    browser = provider.browser()
    put(provider, browser, a=1)
    user_session = provider.request(browser)
    user_session.data.set("a", 1)

    user_session.create_session_id(BOB, PLAIN)
    user_session.save()

    assert found(provider, browser.next_request()) == {}


def test_two_sign_ins_in_one_anonymous_browser(provider: FakeProvider) -> None:
    """They end in one session, with the data."""
    first = visitor(provider, a=1)
    second = FakeTransport(first.handle)
    provider.spy.before["promote"] = lambda: provider.sign_in(second)

    session_id = provider.sign_in(first)

    assert [each.session_id for each in sessions(provider)] == [session_id]
    assert found(provider, first) == {"a": 1}


def test_a_save_that_meets_a_sign_in(provider: FakeProvider) -> None:
    """What another tab has not saved in time does not reach the user's session."""
    browser = visitor(provider, a=1)
    slow = FakeTransport(browser.handle)
    request = provider.request(slow)
    request.data.set("b", 2)
    provider.sign_in(browser)

    request.save()

    assert found(provider, browser) == {"a": 1}
    assert slow.calls == []


def test_data_that_does_not_open_is_not_taken_over(provider: FakeProvider) -> None:
    """A value that somebody put into the database is dropped at the sign-in."""
    browser = visitor(provider, a=1)
    provider.store.write_data(
        record_of(provider, browser).session_id, changed={"b": b"2"}, removed=()
    )

    provider.sign_in(browser)

    kept = provider.store.read_data(record_of(provider, browser).session_id)
    assert set(kept) == {"a"}


def test_an_anonymous_session_expires_unheard(provider: FakeProvider) -> None:
    """It is swept after an hour without use; nobody is told."""
    browser = visitor(provider, a=1)
    provider.clock.tick(HOUR)

    swept = provider.sweep.run_once()

    assert swept == 1
    assert sessions(provider) == ()
    assert provider.ended == []
    assert provider.dispatcher.kicks == 0
    assert found(provider, browser) == {}


def test_an_expired_anonymous_session_is_not_taken_over(
    provider: FakeProvider,
) -> None:
    """Whoever signs in after its end begins with nothing."""
    browser = visitor(provider, a=1)
    provider.clock.tick(HOUR)

    provider.sign_in(browser)

    assert found(provider, browser) == {}
    assert [each.subject_id for each in sessions(provider)] == ["alice"]


def test_a_used_anonymous_session_slides(provider: FakeProvider) -> None:
    """Its use moves its end, but not beyond a day."""
    browser = visitor(provider, a=1)
    began = provider.clock.now()

    for _ in range(30):
        provider.clock.tick(0.75 * HOUR)
        assert found(provider, browser) == {"a": 1}

    assert record_of(provider, browser).expires_at <= began + 24 * HOUR
    provider.clock.tick(1.5 * HOUR)
    assert found(provider, browser) == {}


def test_a_sign_out_ends_an_anonymous_session(provider: FakeProvider) -> None:
    """What it kept is gone; nobody was signed in, so nobody was signed out."""
    browser = visitor(provider, a=1)

    ended = provider.request(browser).end(LogoutReason.USER)

    assert ended is None
    assert browser.handle is None
    assert sessions(provider) == ()
    assert provider.ended == []


def test_a_record_without_subject_signs_nobody_in(provider: FakeProvider) -> None:
    """Nobody makes a user of an anonymous session by writing to the database."""
    browser = visitor(provider, a=1)
    record = record_of(provider, browser)

    assert provider.tickets.open(record) is None


def test_a_handle_that_was_just_replaced(provider: FakeProvider) -> None:
    """A slow tab must not take the user's new handle from the browser."""
    browser = visitor(provider, a=1)
    slow = FakeTransport(browser.handle)
    provider.sign_in(browser)
    request = provider.request(slow)
    request.data.set("b", 2)

    request.save()

    with pytest.raises(SessionGoneError, match="replaced"):
        request.set_attribute("order", "42")
    assert found(provider, browser) == {"a": 1}
    assert slow.calls == []
    assert [each.subject_id for each in sessions(provider)] == ["alice"]


# Attributes


def test_attributes(provider: FakeProvider) -> None:
    """An attribute is set, replaced and unset at once."""
    browser = provider.browser()
    user_session = provider.request(browser)
    user_session.set_attribute("tenant", "acme")
    user_session.set_attribute("device", "phone")
    user_session.set_attribute("tenant", "umbrella")
    user_session.unset_attribute("device")

    assert user_session.attributes == {"tenant": "umbrella"}
    assert provider.request(browser).attributes == {"tenant": "umbrella"}


def test_a_known_attribute_is_not_written(provider: FakeProvider) -> None:
    """The same value, or one that is not there, causes no write."""
    browser = provider.browser()
    provider.request(browser).set_attribute("tenant", "acme")
    provider.spy.calls.clear()
    user_session = provider.request(browser)

    user_session.set_attribute("tenant", "acme")
    user_session.unset_attribute("device")

    assert provider.spy.calls == ["get", "attributes"]


def test_an_attribute_begins_an_anonymous_session(provider: FakeProvider) -> None:
    """A visitor's order is found before anybody signs in."""
    browser = FakeTransport()
    user_session = provider.request(browser)
    user_session.set_attribute("order", "42")
    user_session.data.set("basket", [1])
    user_session.save()

    (session,) = sessions(provider)
    assert session.subject_id is None
    assert provider.request(browser).attributes == {"order": "42"}
    assert found(provider, browser) == {"basket": [1]}
    assert browser.calls == ["issue_handle"]


def test_an_attribute_of_an_ended_session(provider: FakeProvider) -> None:
    """A session that has ended gets no attributes, and its user is gone."""
    browser = provider.browser()
    user_session = provider.request(browser)
    assert user_session.user is not None
    provider.request(browser.next_request()).end(LogoutReason.USER)

    with pytest.raises(SessionGoneError):
        user_session.set_attribute("tenant", "acme")

    assert user_session.session_id is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        pytest.param("", "acme", ValueError, id="no name"),
        pytest.param("n" * 65, "acme", ValueError, id="long name"),
        pytest.param("tenant", "v" * 256, ValueError, id="long value"),
        pytest.param("tenant", "a\0", ValueError, id="NUL"),
        pytest.param("tenant", 42, TypeError, id="number"),
        pytest.param(None, "acme", TypeError, id="no string"),
    ],
)
def test_attributes_that_are_refused(
    provider: FakeProvider, name: Any, value: Any, error: type[Exception]
) -> None:
    """An attribute is two strings that every database can keep."""
    with pytest.raises(error, match=r"string|characters"):
        provider.request(FakeTransport()).set_attribute(name, value)

    assert provider.spy.calls == []
