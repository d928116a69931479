"""The page of the conformance suite says what the suite does."""

from __future__ import annotations

import re

import pytest

from tests.conformance.table import checks
from tests.conformance.table import PAGE
from tests.conformance.table import page
from tests.conformance.table import proofs

PROVED = {proof.check for proof in proofs()}
CHECKS = [check for chapter in checks().values() for check in chapter]

_NUMBERS = {
    "DISC-OP": 12,
    "SID-OP": 5,
    "RIL-OP": 34,
    "SM-OP": 18,
    "SAA": 4,
    "FCL-OP": 16,
    "BCL-OP": 36,
    "SSO-OP": 8,
    "LTV": 23,
}

# What a browser does by itself, and no provider can keep or break.
_FACTS = {"SAA-02"}


def test_the_page_is_up_to_date() -> None:
    """Whoever adds a test also runs ``python -m tests.conformance.table``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_check_is_missing() -> None:
    """The numbers of each chapter run from one to the last."""
    expected = [
        f"{prefix}-{number:02}"
        for prefix, last in _NUMBERS.items()
        for number in range(1, last + 1)
        if f"{prefix}-{number:02}" not in _FACTS
    ]

    assert expected == CHECKS


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_a_test(check: str) -> None:
    """What is promised is proved."""
    assert check in PROVED


def test_every_marker_names_a_check() -> None:
    """A marker with a typing error would prove nothing."""
    assert PROVED - set(CHECKS) == set()


def test_the_markers_of_a_list_of_cases_count() -> None:
    """A marker of one case of a parametrised test is a proof like any other."""
    tests = {proof.test for proof in proofs() if proof.check == "RIL-OP-25"}

    assert "test_a_forged_hint" in tests


def test_a_promise_is_a_sentence() -> None:
    """Every promise ends with a full stop, and none breaks the table."""
    promises = [text for chapter in checks().values() for text in chapter.values()]

    assert [text for text in promises if not re.fullmatch(r"[^|\n]+\.", text)] == []
