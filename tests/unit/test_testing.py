"""What hosts use in their tests does what it says."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest

from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import ManualClock
from idp_session.testing import START
from idp_session.testing import together


@pytest.mark.parametrize(
    ("by", "moved"),
    [
        pytest.param(timedelta(hours=2), timedelta(hours=2), id="duration"),
        pytest.param(1.5, timedelta(seconds=1, milliseconds=500), id="seconds"),
        pytest.param(-3, timedelta(seconds=-3), id="backwards"),
    ],
)
def test_a_clock_moves_when_it_is_told_to(
    by: timedelta | float, moved: timedelta
) -> None:
    """The clock stands still until it ticks."""
    clock = ManualClock()
    before = clock.now()

    ticked = clock.tick(by)

    assert before == START
    assert ticked == clock.now() == START + moved


def test_a_clock_starts_anywhere() -> None:
    """A test may choose when its time begins."""
    assert ManualClock(START + timedelta(days=1)).now() == START + timedelta(days=1)


def test_sessions_are_told_apart() -> None:
    """Two sessions of one test do not share a key or a public id."""
    one, two = make_session(), make_session()

    assert one.key != two.key
    assert one.session_id != two.session_id


def test_values_can_be_chosen() -> None:
    """Each member can be overridden."""
    assert make_session(subject_id="bob").subject_id == "bob"
    assert make_participant("1234", client_id="wiki").client_id == "wiki"


def test_calls_run_at_once() -> None:
    """Each call has a thread of its own, and results keep the order."""
    met = threading.Barrier(3)

    def meet(number: int) -> int:
        met.wait(timeout=10)

        return number

    assert together([partial(meet, number) for number in range(3)]) == [0, 1, 2]


def test_an_error_is_not_lost() -> None:
    """What a call raises is raised to whoever started it."""
    with pytest.raises(ZeroDivisionError):
        together([lambda: 1 // 0])
