"""What the tests start themselves."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.ports import free_port

from .processes import start

pytestmark = pytest.mark.process


def test_one_that_never_gets_ready_is_not_left_behind(tmp_path: Path) -> None:
    """Who waits for it in a constructor has nobody who would end it."""
    arguments = (str(free_port()), "--bind", "127.0.0.1")
    with contextlib.closing(start("http.server", *arguments, cwd=tmp_path)) as running:
        with pytest.raises(AssertionError):
            running.wait_until_ready(0.1)

        assert running.process.poll() is not None
