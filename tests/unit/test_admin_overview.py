"""How much there is, on the administrator's first page, and what that costs."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session.models import SendResult
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.schema import sessions

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import session_id_of
from .hosts import Host
from .hosts import Page

DAY = timedelta(days=1)
API = f"{ADMIN}/api"


@pytest.fixture
def host() -> Host:
    return admin_host(
        config={"idle_timeout": 86400 * 60, "absolute_lifetime": 86400 * 90}
    )


def bars(text: str) -> list[list[tuple[str, float]]]:
    """What each bar of the last plot of a page is made of, with the heights."""
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)[-1]

    return [
        [
            (rect.attrib["data-part"], float(rect.attrib["height"]))
            for rect in group.findall("rect")
        ]
        for group in ET.fromstring(drawn).findall("g")  # noqa: S314
    ]


def test_sessions_over_time(host: Host) -> None:
    """Each of the last fourteen days has a bar as high as its sessions are many."""
    for many in (1, 4, 2):
        for _ in range(many):
            host.signed_in()
        host.clock.tick(DAY)

    root = administrator(host)
    page = root.get(f"{ADMIN}/")
    counts = root.get(f"{API}/counts").get_json()

    assert "8 sessions go on" in Page(page).text
    heights = [sum(height for _, height in bar) for bar in bars(page.text)]
    assert heights == [0] * 10 + [30, 120, 60, 30]
    numbers = [each["number"] for each in counts["sessions_in_time"]]
    assert numbers == [0] * 10 + [1, 4, 2, 1]


def test_deliveries_over_time(host: Host) -> None:
    """Bars and numbers say what has become of the latest notifications, and when."""
    host.sender.answers["https://mail.test/back"] = SendResult(status=400)
    host.signed_in("shop", "mail", "news").post("/logout")
    host.deliver()
    host.clock.tick(DAY)
    host.signed_in("shop").post("/logout")

    page = administrator(host).get(f"{ADMIN}/")

    assert "1 is waiting. The oldest has waited since 2026-" in Page(page).text
    assert "The latest: 4" in Page(page).text
    first, *empty, last = bars(page.text)
    assert [kind for kind, _ in first] == ["confirmed", "not-told", "not-sent"]
    assert [round(height) for _, height in first] == [40, 40, 40]
    assert empty == [[]] * 22
    assert [kind for kind, _ in last] == ["waiting"]
    assert "1 confirmed, 1 refused, failed or given up, 1 not sent" in Page(page).text


def test_nothing_yet(host: Host) -> None:
    """Without notifications there is no plot of them."""
    page = administrator(host).get(f"{ADMIN}/")

    assert page.status_code == 200
    assert "1 session goes on" in Page(page).text
    assert "None is waiting." in Page(page).text
    assert page.text.count("<svg") == 1


def test_more_than_anybody_counts(sqlite_engine: sa.Engine) -> None:
    """Beyond a thousand it says so, and does not look further."""
    _, root = with_sessions(sqlite_engine, 1200)

    text = Page(root.get(f"{ADMIN}/")).text

    assert "More than 1000 sessions go on" in text


@pytest.mark.parametrize(
    "path", ["/", "/sessions", "/sessions/{session_id}", "/deliveries"]
)
def test_what_a_page_costs(sqlite_engine: sa.Engine, path: str) -> None:
    """A page asks the database as often, of a hundred sessions and of a thousand."""
    _, root = with_sessions(sqlite_engine, 100)
    address = ADMIN + path.format(session_id=session_id_of(root))
    few = statements(sqlite_engine, root, address)
    add_sessions(sqlite_engine, 1000)

    many = statements(sqlite_engine, root, address)

    assert many == few
    assert len(many) <= 25


@pytest.mark.parametrize("query", ["", "?subject_id=none", "?session_id=none"])
def test_no_page_reads_all_sessions(sqlite_engine: sa.Engine, query: str) -> None:
    """The list goes by an index, and what counts it stops somewhere."""
    _, root = with_sessions(sqlite_engine, 100)
    asked = statements(sqlite_engine, root, f"{ADMIN}/sessions{query}")
    counting = [each for each in asked if "count(" in each]
    seen = [each for each in asked if each not in counting]

    with sqlite_engine.connect() as connection:
        plans = [
            row.detail
            for statement in seen
            for row in connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?")
            )
        ]

    assert counting
    assert all("LIMIT" in each for each in counting)
    assert plans
    assert not [each for each in plans if re.match(r"SCAN idp_\w+$", each)]


def with_sessions(engine: sa.Engine, number: int) -> tuple[Host, FlaskClient]:
    """A host with an administrator and this many sessions of others."""
    upgrade(engine)
    host = admin_host(engine=engine)
    root = administrator(host)
    add_sessions(engine, number)

    return host, root


def add_sessions(engine: sa.Engine, number: int) -> None:
    """More sessions, each like the first one but for what names it."""
    with engine.begin() as connection:
        row = dict(connection.execute(sa.select(sessions).limit(1)).one()._mapping)
        names = [uuid.uuid4().hex for _ in range(number)]
        connection.execute(
            sa.insert(sessions),
            [
                {**row, "key": name * 2, "session_id": name, "subject_id": name[:4]}
                for name in names
            ],
        )


def statements(engine: sa.Engine, root: FlaskClient, address: str) -> list[str]:
    """What a page asks the database."""
    seen: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    answer = root.get(address)
    sa.event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200

    return seen
