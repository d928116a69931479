"""The sample's log: a line for each record."""

from __future__ import annotations

import logging

import pytest

from sample_idp.log_lines import OneLineFormatter


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("/a\n2026 INFO forged", "/a\\n2026 INFO forged", id="line end"),
        pytest.param("\r\x1b[2J\x00", "\\r\\x1b[2J\\x00", id="terminal"),
        pytest.param("\x85\u2028", "\\x85\\u2028", id="other line ends"),
        pytest.param("\u202etxt", "\\u202etxt", id="right to left"),
        pytest.param("/straße", "/straße", id="text"),
    ],
)
def test_one_line(given: str, shown: str) -> None:
    """Nothing that a visitor sends begins a new line, or writes to a terminal."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "GET %s", (given,), None)

    assert OneLineFormatter("%(name)s %(message)s").format(record) == f"x GET {shown}"
