"""The pages on which administrators see deliveries and try them again."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import given_up
from .admin_host import links
from .admin_host import SHOP_BACK
from .hosts import Host
from .hosts import Page


@pytest.fixture
def host() -> Host:
    return admin_host()


@pytest.fixture
def root(host: Host) -> FlaskClient:
    return administrator(host)


def test_list_of_deliveries(host: Host, root: FlaskClient) -> None:
    """They are found by state, application and session, newest first, in pages."""
    for _ in range(30):
        host.signed_in("shop", "mail").post("/logout")

    first = root.get(f"{ADMIN}/deliveries?client_id=shop&state=pending")
    second = root.get(links(first)["next"])

    newer, older = (
        [int(each) for each in re.findall(r"/deliveries/(\d+)\"", page.text)]
        for page in (first, second)
    )
    assert (len(newer), len(older)) == (25, 5)
    assert [*newer, *older] == sorted({*newer, *older}, reverse=True)
    assert links(second) == {
        "first": f"{ADMIN}/deliveries?state=pending&client_id=shop"
    }
    assert (
        "No notification is like that"
        in root.get(f"{ADMIN}/deliveries?state=failed").text
    )


@pytest.mark.parametrize("query", ["state=x", "before_id=x", "before_id=" + "9" * 19])
def test_odd_lists_of_deliveries(root: FlaskClient, query: str) -> None:
    """What no page of ours leads to is a clear 400."""
    assert root.get(f"{ADMIN}/deliveries?{query}").status_code == 400


def test_trying_again(host: Host, root: FlaskClient) -> None:
    """A delivery that was given up is tried again, once, and then says so."""
    number = given_up(host)
    page = root.get(f"{ADMIN}/deliveries/{number}")
    host.sender.answers.clear()
    fields = Page(page).fields

    answers = [
        root.post(f"{ADMIN}/deliveries/{number}/retry", data=fields) for _ in range(2)
    ]
    host.deliver()
    after = root.get(f"{ADMIN}/deliveries/{number}")

    assert "refused" in page.text
    assert "the application answered 400" in page.text
    assert [each.status_code for each in answers] == [303, 409]
    assert "It was not given up" in answers[1].text
    assert "the application answered 200" in after.text
    assert "Try again" not in after.text
    assert host.sender.uris == [SHOP_BACK, SHOP_BACK]


@pytest.mark.parametrize("number", ["0", "9999", "9" * 30])
def test_no_such_delivery(root: FlaskClient, number: str) -> None:
    """A number that no delivery has is a clear 404."""
    answer = root.get(f"{ADMIN}/deliveries/{number}")

    assert answer.status_code == 404
    assert "There is no such logout notification" in answer.text
