"""What the devices page says of browsers and times."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from datetime import UTC

import pytest

from idp_session.flask.devices.words import active_within
from idp_session.flask.devices.words import ago
from idp_session.flask.devices.words import device_name

NOW = datetime(2026, 11, 21, 14, 55, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/137.0.0.0 Safari/537.36 Edg/137.0"
)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        pytest.param(SAFARI, "Mobile Safari on iOS", id="iPhone"),
        pytest.param(EDGE, "Edge on Windows", id="Windows"),
        pytest.param("curl/8.1", "curl", id="no system"),
        pytest.param("(X11; Linux x86_64)", "A browser on Linux", id="no browser"),
        pytest.param("x" * 512, "A browser or app", id="unknown"),
        pytest.param("", "A browser or app", id="empty"),
        pytest.param(None, "A browser or app", id="not kept"),
    ],
)
def test_name_of_a_device(user_agent: str | None, name: str) -> None:
    """A browser is called as people call it, as far as it is known."""
    assert device_name(user_agent) == name


@pytest.mark.parametrize(
    ("before", "words"),
    [
        pytest.param(-MINUTE, "just now", id="clocks that differ"),
        pytest.param(59 * SECOND, "just now", id="just now"),
        pytest.param(MINUTE, "1 minute ago", id="one minute"),
        pytest.param(HOUR - SECOND, "59 minutes ago", id="minutes"),
        pytest.param(HOUR, "1 hour ago", id="one hour"),
        pytest.param(2 * DAY - SECOND, "1 day ago", id="nearly two days"),
        pytest.param(2 * DAY, "2 days ago", id="two days"),
        pytest.param(75 * DAY, "2 months ago", id="months"),
        pytest.param(900 * DAY, "2 years ago", id="years"),
    ],
)
def test_how_long_ago(before: timedelta, words: str) -> None:
    """A time is told in one unit, which is never too long ago."""
    assert ago(NOW - before, NOW).words == words


@pytest.mark.parametrize(
    ("before", "words"),
    [
        pytest.param(-MINUTE, "active now", id="clocks that differ"),
        pytest.param(5 * MINUTE - SECOND, "active now", id="now"),
        pytest.param(5 * MINUTE, "active within the last 5 minutes", id="minutes"),
        pytest.param(HOUR, "active within the last hour", id="one hour"),
        pytest.param(HOUR + SECOND, "active within the last 2 hours", id="rounded up"),
        pytest.param(3 * DAY, "active within the last 3 days", id="days"),
    ],
)
def test_how_recently_at_least(before: timedelta, words: str) -> None:
    """It may have been used since it was written down, so time is rounded up."""
    assert active_within(NOW - before, NOW).words == words


def test_exact_time() -> None:
    """The exact time names its zone."""
    assert ago(NOW, NOW).exact == "21 Nov 2026, 14:55 UTC"
