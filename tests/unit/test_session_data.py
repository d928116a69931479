"""The data of a session: what is taken, what is given, and when it is kept."""

from __future__ import annotations

import enum
import logging
from collections import OrderedDict
from typing import Any

import pytest

from idp_session.models import LogoutReason
from idp_session.services.data import DefaultSessionData
from tests.fakes import FakeProvider

from .session_data_host import found
from .session_data_host import put
from .session_data_host import record_of
from .session_data_host import sessions

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
