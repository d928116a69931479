"""What an attacker can do by the devices page: nothing to anybody else's sessions."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from html import escape
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from idp_session import Client
from idp_session.stores.memory import MemorySessionStore

from .devices_host import devices_host
from .devices_host import end_links
from .devices_host import LIST
from .devices_host import question
from .devices_host import sign_in
from .hosts import HANDLE
from .hosts import Host

OTHERS = f"{LIST}end-others"


@pytest.fixture
def host() -> Host:
    return devices_host(config={"keep_ip_address": "full"})


def alive(host: Host, subject: str = "alice") -> int:
    return len(host.state.store.find_by_subject(subject))


def handle_of(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None

    return cookie.value


# Forged forms


@pytest.mark.parametrize(
    "confirmation",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("others", id="what it would say"),
        pytest.param("é" * 90, id="other letters"),
        pytest.param("A" * 200, id="forged"),
        pytest.param("=" * 7, id="padding"),
        pytest.param("\x00", id="NUL"),
    ],
)
@pytest.mark.parametrize("which", ["one", "others"])
def test_forged_form(host: Host, which: str, confirmation: str | None) -> None:
    """A form without the right value ends nothing, and says that it did not work."""
    here, _ = sign_in(host), sign_in(host)
    address = OTHERS if which == "others" else end_links(here.get(LIST))[0]
    fields = {} if confirmation is None else {"confirmation": confirmation}

    answer = here.post(address, data=fields)

    assert answer.status_code == 400
    assert "Nobody was signed out" in answer.text
    assert alive(host) == 2


def test_form_of_another_user(host: Host) -> None:
    """The value of the attacker's own form is worth nothing in the victim's browser."""
    victim, _ = sign_in(host), sign_in(host)
    attacker = sign_in(host, subject="mallory")
    _, fields = question(attacker, OTHERS)

    answer = victim.post(OTHERS, data=fields)

    assert answer.status_code == 400
    assert alive(host) == 2


def test_form_of_another_browser(host: Host) -> None:
    """A value that another browser of the same user was given is worth nothing."""
    here, elsewhere = sign_in(host), sign_in(host)
    _, fields = question(elsewhere, OTHERS)

    assert here.post(OTHERS, data=fields).status_code == 400
    assert alive(host) == 2


def test_form_from_before_a_sign_in(host: Host) -> None:
    """When the handle changes, what was bound to it is over."""
    here, _ = sign_in(host), sign_in(host)
    _, fields = question(here, OTHERS)
    here.post("/login/alice")

    assert here.post(OTHERS, data=fields).status_code == 400


def test_form_for_something_else(host: Host) -> None:
    """A form ends what its page has named, and nothing else."""
    here, _, _ = sign_in(host), sign_in(host), sign_in(host)
    one, another = end_links(here.get(LIST))
    _, fields = question(here, one)

    assert here.post(another, data=fields).status_code == 400
    assert here.post(OTHERS, data=fields).status_code == 400
    _, fields = question(here, OTHERS)
    assert here.post(one, data=fields).status_code == 400
    assert alive(host) == 3


def test_old_form(host: Host) -> None:
    """A form that was left open is over after a while."""
    here, _ = sign_in(host), sign_in(host)
    _, fields = question(here, OTHERS)
    host.clock.tick(timedelta(minutes=11))

    assert here.post(OTHERS, data=fields).status_code == 400
    assert alive(host) == 2


@pytest.mark.parametrize("path", ["end", "end-others"])
def test_get_ends_nothing(host: Host, path: str) -> None:
    """An address that is only looked at, by an image for example, ends nothing."""
    here, _ = sign_in(host), sign_in(host)
    link = end_links(here.get(LIST))[0] if path == "end" else OTHERS
    _, fields = question(here, link)
    joint = "&" if "?" in link else "?"

    here.get(f"{link}{joint}{urlencode(fields)}")

    assert alive(host) == 2


# Forged addresses


def test_address_of_another_user(host: Host) -> None:
    """What names a device of the victim means nothing to anybody else."""
    victim, _ = sign_in(host), sign_in(host)
    (link,) = end_links(victim.get(LIST))
    attacker = sign_in(host, subject="mallory")

    asked = attacker.get(link)
    answer = attacker.post(link, data={"confirmation": "x"})

    assert (asked.status_code, answer.status_code) == (404, 404)
    assert alive(host) == 2


def test_address_after_a_user_switch(host: Host) -> None:
    """What the next user of a browser finds in its history is worth nothing."""
    browser, _ = sign_in(host), sign_in(host)
    (link,) = end_links(browser.get(LIST))
    result = browser.post(OTHERS, data=question(browser, OTHERS)[1]).location
    sign_in(host)
    browser.post("/login/mallory")

    assert browser.get(link).status_code == 404
    assert browser.get(result).location == LIST


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("", id="empty"),
        pytest.param("A" * 120, id="forged"),
        pytest.param("é", id="other letters"),
        pytest.param("\ud800", id="half a character"),
        pytest.param("%00", id="NUL"),
        pytest.param("../../x", id="path"),
        pytest.param("x" * 5000, id="long"),
    ],
)
@pytest.mark.parametrize("name", ["device", "page", "result"])
def test_forged_address(host: Host, name: str, reference: str) -> None:
    """What was not made by a page of this session is refused, and is no error."""
    here = sign_in(host)
    sign_in(host)
    path = {"device": "end", "page": "", "result": "ended"}[name]
    text = reference.encode(errors="surrogatepass")

    answer = here.get(f"{LIST}{path}", query_string={name: text})

    assert answer.status_code == (303 if name == "result" else 404)


def test_session_id_instead_of_a_reference(host: Host) -> None:
    """Whoever knows the session id, as every client does, has no address of it."""
    here, _ = sign_in(host), sign_in(host)
    ids = [each.session_id for each in host.state.store.find_by_subject("alice")]

    for session_id in ids:
        for text in (session_id, base64.urlsafe_b64encode(session_id.encode())):
            asked = here.get(f"{LIST}end", query_string={"device": text})
            assert asked.status_code == 404


def test_addresses_are_not_interchangeable(host: Host) -> None:
    """What was sealed for one purpose opens for no other."""
    here, _ = sign_in(host), sign_in(host)
    (link,) = end_links(here.get(LIST))
    reference = link.partition("device=")[2]
    confirmation = question(here, OTHERS)[1]["confirmation"]

    for text in (reference, confirmation):
        assert here.get(f"{LIST}ended?result={text}").status_code == 303
        assert here.get(f"{LIST}?page={text}").status_code == 404

    assert here.get(f"{LIST}end?device={confirmation}").status_code == 404


def test_anonymous_sessions(host: Host) -> None:
    """A browser that keeps data without anybody signed in is in nobody's list."""
    visitor = host.browser()
    visitor.post("/data", json={"cart": 1})
    here = sign_in(host)

    assert end_links(here.get(LIST)) == []
    assert visitor.get(LIST).location == f"/sign-in?next={LIST}"


# What pages tell


def test_pages_name_no_secrets(host: Host) -> None:
    """Neither handles nor keys nor session ids are in a page or an address."""
    here, other = sign_in(host), sign_in(host, "shop")
    handles = [handle_of(each) for each in (here, other)]
    store = host.state.store
    assert isinstance(store, MemorySessionStore)
    records = store.find_by_subject("alice")
    hidden = [
        *handles,
        *(each.session_id for each in records),
        *(each.key for each in records),
    ]
    pages = [here.get(LIST), here.get(OTHERS), here.get(end_links(here.get(LIST))[0])]
    ended = here.post(OTHERS, data=question(here, OTHERS)[1])
    pages += [ended, here.get(ended.location)]

    shown = " ".join(f"{each.text} {each.headers.get('Location')}" for each in pages)
    texts = [shown, *_decoded(shown)]

    assert [each for each in hidden if any(each in text for text in texts)] == []


def _decoded(shown: str) -> list[str]:
    words = re.findall(r"[A-Za-z0-9_-]{20,}", shown)

    return [
        base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode(errors="replace")
        for word in words
        if len(word) % 4 != 1
    ]


def test_what_others_have_written_is_text(host: Host) -> None:
    """Names of clients and browsers are shown as they are, and never obeyed."""
    evil = "<script>alert(1)</script>"
    host.clients.by_id["evil"] = Client(
        client_id="evil", name=evil, back_channel_logout_uri="https://evil.test/"
    )
    here = sign_in(host)
    sign_in(host, "evil", user_agent=f"{evil}/1.0", address="203.0.113.7")

    listed = here.get(LIST)
    asked = here.get(end_links(listed)[0])
    ended = here.post(OTHERS, data=question(here, OTHERS)[1], follow_redirects=True)

    for page in (listed, asked, ended):
        assert evil not in page.text
        assert escape(evil) in page.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["", "end", "end-others", "ended"])
def test_whoever_is_not_signed_in_learns_nothing(
    host: Host, method: str, path: str
) -> None:
    """Without a session every address leads to the sign-in page, or is none."""
    (link,) = end_links([sign_in(host), sign_in(host)][0].get(LIST))
    address = link if path == "end" else LIST + path

    answer = host.browser().open(address, method=method)

    assert answer.status_code in {303, 405}
    assert alive(host) == 2
