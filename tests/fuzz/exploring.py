"""How many requests are tried, and which: the same ones each time, then others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import __version__
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import reproduce_failure
from hypothesis import seed
from hypothesis import settings
from hypothesis.strategies import SearchStrategy

__all__ = ["Explore", "in_both_profiles"]

#: Runs a check on values of a strategy.
Explore = Callable[[Callable[[Any], None], SearchStrategy[Any]], None]

_SECONDS = float(os.environ.get("IDP_SESSION_TEST_FUZZ_SECONDS", "0"))
#: Without those seconds a soak has so many rounds, the same ones each time.
_ROUNDS = 4
_EXAMPLES = 500


def in_both_profiles(examples: int) -> pytest.MarkDecorator:
    """Parametrise ``explore``: quickly in each run of the suite, longer as a soak.

    :param examples: How many are tried in the quick profile, the same ones each time.
    """

    def quickly(check: Callable[[Any], None], values: SearchStrategy[Any]) -> None:
        _try(check, values, examples=examples, seeded_by=0)

    def for_long(check: Callable[[Any], None], values: SearchStrategy[Any]) -> None:
        for number in range(1, _ROUNDS + 1):
            _try(check, values, examples=_EXAMPLES, seeded_by=number)

        deadline = time.monotonic() + _SECONDS

        while time.monotonic() < deadline:
            _try(check, values, examples=_EXAMPLES)

    # What has failed is shown, however long it is.
    shown = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
    for_minutes = [shown, pytest.mark.soak, pytest.mark.timeout(0)]

    return pytest.mark.parametrize(
        "explore",
        [
            pytest.param(quickly, id="quick", marks=shown),
            pytest.param(for_long, id="soak", marks=for_minutes),
        ],
    )


def _try(
    check: Callable[[Any], None],
    values: SearchStrategy[Any],
    *,
    examples: int,
    seeded_by: int | None = None,
) -> None:
    failure = os.environ.get("IDP_SESSION_TEST_REPLAY")
    run: Any = given(values)(check)

    if seeded_by is not None:
        run = seed(seeded_by)(run)

    if failure is not None:
        run = reproduce_failure(__version__, failure.encode())(run)

    settings(
        max_examples=examples,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[phase for phase in Phase if phase is not Phase.explain],
        report_multiple_bugs=False,
        suppress_health_check=[*HealthCheck],
    )(run)()
