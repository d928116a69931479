"""The table of what comes of each logout request is what a provider does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .end_session_steps import CALLBACK
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .hosts import DONE
from .hosts import Host
from .hosts import Page
from .logout_rows import HOME
from .logout_rows import Row
from .logout_rows import ROWS

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "rp-initiated-logout.md"
_ROW = re.compile(
    r"^\| `(?P<id>[a-z-]+)` \| [^|]+ \| (?P<asked>yes|no) \| (?P<says>[^|]+) "
    r"\| (?P<way_on>address|home|nowhere) \| (?P<session>ends|goes on|-) \|$",
    re.MULTILINE,
)
WRITTEN = {row["id"]: row for row in _ROW.finditer(GUIDE.read_text())}


@dataclass
class Course:
    """What a browser has seen, up to the last page."""

    host: Host
    browser: FlaskClient
    asked: bool
    #: The words of all pages.
    words: str
    #: Where the browser was sent at last.
    sent_to: str | None
    last: Page

    @property
    def address(self) -> str | None:
        """The address of the client that the browser came to, or is led to."""
        found = (self.sent_to, self.last.onward, self.last.back)

        return next((each for each in found if each and each != HOME), None)

    @property
    def way_on(self) -> str:
        if self.address is not None:
            return "address"

        if self.last.back == HOME:
            return "home"

        # The question that is asked again is its own way on.
        is_end = "You can close this page now" in self.last.text or self.last.answers

        return "nowhere" if is_end else "stranded"


def _played(row: Row) -> Course:
    host = row.host()
    browser = row.before(host)
    response = row.send(host, browser, row.given(host, browser))
    asked, words = is_question(response), Page(response).text

    if asked:
        response = row.answer(host, browser, response)

    if response.headers.get("Location") == CALLBACK:
        response = browser.get(CALLBACK)

    _expect_plain_words(response)

    return Course(
        host=host,
        browser=browser,
        asked=asked,
        words=f"{words} {Page(response).text}",
        sent_to=response.headers.get("Location"),
        last=Page(response),
    )


def _expect_plain_words(response: TestResponse) -> None:
    assert response.status_code in {200, 303}
    assert response.mimetype == "text/html"


def test_every_row_is_played() -> None:
    """No row of the guide is untested, and none that is tested is missing there."""
    tables = GUIDE.read_text().partition("## What comes of each request")[2]
    beginnings = re.findall(r"^\| `[^`]+` \|", tables, re.MULTILINE)

    assert list(WRITTEN) == list(ROWS)
    assert len(beginnings) == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_so(name: str) -> None:
    """Whether somebody is asked, what the page says, and the way on are as written."""
    course, written = _played(ROWS[name]), WRITTEN[name]

    assert course.asked is (written["asked"] == "yes")
    assert written["says"] == "-" or written["says"] in course.words
    assert course.way_on == written["way_on"]
    assert is_signed_in(course.browser) is (written["session"] == "goes on")


@pytest.mark.parametrize(
    "name", [name for name, row in WRITTEN.items() if row["way_on"] == "address"]
)
def test_the_address_is_the_registered_one(name: str) -> None:
    """With the state that came, and with nothing if none came."""
    course = _played(ROWS[name])

    assert course.address is not None
    parts = urlsplit(course.address)
    assert parts._replace(query="").geturl() == DONE
    assert parse_qs(parts.query, keep_blank_values=True) == (
        {"state": [ROWS[name].state]} if ROWS[name].state else {}
    )
