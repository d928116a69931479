"""Values that are made quickly are like all others."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from idp_session.models import Participant
from idp_session.models import Principal
from idp_session.models.making import maker_of
from idp_session.testing import make_session
from idp_session.testing import START

USUAL = [
    pytest.param(make_session(display_name="Alice", ticket=b"sealed"), id="session"),
    pytest.param(Principal(subject_id="alice", amr=("pwd",)), id="principal"),
    pytest.param(
        Participant(
            session_id="0" * 32,
            client_id="shop",
            issuer="https://idp.test",
            subject="alice",
            joined_at=START,
        ),
        id="participant",
    ),
]


def quickly(value: Any) -> Any:
    """The same value, made quickly."""
    values = [getattr(value, each.name) for each in dataclasses.fields(value)]

    return maker_of(type(value))(*values)


@pytest.mark.parametrize("usual", USUAL)
def test_it_is_the_same(usual: Any) -> None:
    """Nobody can tell how a value was made."""
    made = quickly(usual)

    assert type(made) is type(usual)
    assert made == usual
    assert repr(made) == repr(usual)


@pytest.mark.parametrize("usual", USUAL)
def test_it_stays_as_it_is(usual: Any) -> None:
    """A value that was made quickly is frozen, too."""
    made = quickly(usual)
    name = dataclasses.fields(made)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(made, name, "another")


@pytest.mark.parametrize("usual", USUAL)
def test_it_can_be_copied(usual: Any) -> None:
    """Whoever copies, changes or sends such a value gets what they would otherwise."""
    made = quickly(usual)

    assert copy.copy(made) == usual
    assert dataclasses.replace(made) == usual


def test_it_can_be_pickled() -> None:
    """A session can go to another process, as before."""
    session = make_session()

    assert pickle.loads(pickle.dumps(quickly(session))) == session  # noqa: S301


def test_every_field_is_needed() -> None:
    """A value in the wrong shape is refused, and none has a hole."""
    with pytest.raises(TypeError, match="missing"):
        maker_of(Participant)("0" * 32)
