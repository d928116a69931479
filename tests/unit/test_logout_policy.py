"""A policy of the host decides about logout requests, within what is safe."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp_session import AddressStanding
from idp_session import Client
from idp_session import HintStanding
from idp_session import LogoutContext
from idp_session.flask import DefaultLogoutPolicy

from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .end_session_steps import other_session
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import MAIL
from .hosts import Page
from .hosts import SHOP

_ALWAYS = {"IDP_SESSION_CONFIRM_EVERY_LOGOUT": True}

Hinted = Callable[[Host, FlaskClient], str]


@dataclass
class Scripted:
    """A :class:`~idp_session.ports.LogoutPolicy` that answers as it is told."""

    #: What to answer; an exception is raised.
    asks: Any = False
    leads: Any = True
    seen: list[LogoutContext] = field(default_factory=list)

    def needs_confirmation(self, context: LogoutContext) -> bool:
        return self._answered(self.asks, context)

    def allows_redirect(self, context: LogoutContext) -> bool:
        return self._answered(self.leads, context)

    def _answered(self, answer: Any, context: LogoutContext) -> bool:
        self.seen.append(context)

        if isinstance(answer, Exception):
            raise answer

        return answer  # type: ignore[no-any-return]  # may be anything: that is the test


def _this_session(host: Host, browser: FlaskClient) -> str:
    return host.hint(sid=sid_of(browser))


def _host(policy: object = None, **given: Any) -> Host:
    return host_app(logout_policy=policy, **given)


def _request(host: Host, browser: FlaskClient, hinted: Hinted) -> dict[str, str]:
    return {
        "id_token_hint": hinted(host, browser),
        "post_logout_redirect_uri": DONE,
        "state": "s",
    }


def test_a_policy_may_ask() -> None:
    """Where nothing else would ask, a policy can have the user asked."""
    host = _host(Scripted(asks=True))
    browser = host.signed_in("shop")

    response = browser.get(END, query_string=_request(host, browser, _this_session))

    assert is_question(response)
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "hinted",
    [
        pytest.param(_this_session, id="this session"),
        pytest.param(other_session, id="other session of the user"),
        pytest.param(lambda host, _: host.hint("mail"), id="client without a part"),
    ],
)
def test_a_policy_may_waive_the_question(hinted: Hinted) -> None:
    """With a hint of this user it can say that no question is needed."""
    host = _host(Scripted(asks=False), config=_ALWAYS)
    browser = host.signed_in("shop")

    browser.get(END, query_string={"id_token_hint": hinted(host, browser)})

    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "hinted",
    [
        pytest.param(lambda *_: "", id="none"),
        pytest.param(lambda *_: "a.b.c", id="noise"),
        pytest.param(lambda host, _: host.hint(sub="bob"), id="other user"),
        pytest.param(
            lambda host, browser: host.hint(sub="bob", sid=sid_of(browser)),
            id="other user, this session",
        ),
        pytest.param(
            lambda host, _: host.hint(sub="bob", sid="5e55"),
            id="other user, other session",
        ),
    ],
)
def test_no_policy_waives_it_for_what_anybody_can_send(hinted: Hinted) -> None:
    """What an image on a page can ask for is asked about, whatever a policy says."""
    # RIL-OP-17
    policy = Scripted(asks=False)
    host = _host(policy)
    browser = host.signed_in("shop")

    response = browser.get(END, query_string=_request(host, browser, hinted))

    assert is_question(response)
    assert is_signed_in(browser)
    assert policy.seen == []


def test_a_policy_may_keep_the_browser() -> None:
    """Without its consent nobody is led on, and the page has a link instead."""
    shop = dataclasses.replace(SHOP, client_uri="https://shop.test/")
    host = _host(Scripted(leads=False), clients=(shop, MAIL))
    browser = host.signed_in("shop")

    response = browser.get(END, query_string=_request(host, browser, _this_session))
    page = Page(browser.get(CALLBACK))

    assert response.headers["Location"] == CALLBACK
    assert (page.onward, page.back) == (None, "https://shop.test/")
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"post_logout_redirect_uri": "https://evil.test/"}, id="foreign"),
        pytest.param({"post_logout_redirect_uri": DONE + "/"}, id="near miss"),
        pytest.param({"id_token_hint": ""}, id="no hint"),
        pytest.param({"id_token_hint": "a.b.c"}, id="noise"),
        pytest.param({"client_id": "mail"}, id="contradiction"),
    ],
)
@pytest.mark.parametrize("answer", ["yes", "only", "no"])
def test_no_policy_opens_another_way(query: dict[str, str], answer: str) -> None:
    """A policy that allows everything leads to no address that is not registered."""
    # RIL-OP-22, RIL-OP-23, RIL-OP-24, RIL-OP-28
    policy = Scripted(asks=True, leads=True)
    host = _host(policy)
    browser = host.signed_in("shop", "mail")
    given = {**_request(host, browser, _this_session), **query}

    answered = confirmed(browser, browser.get(END, query_string=given), answer)
    last = browser.get(CALLBACK)

    assert answered.headers.get("Location") in {None, CALLBACK}
    assert (Page(last).onward, Page(last).back) == (None, None)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(
            Scripted(asks=RuntimeError("alice"), leads=RuntimeError("alice")),
            id="raises",
        ),
        pytest.param(object(), id="is none"),
        pytest.param(Scripted(asks=None, leads=None), id="says nothing"),
        pytest.param(Scripted(asks=0, leads=1), id="numbers"),
        pytest.param(Scripted(asks="", leads="yes"), id="words"),
    ],
)
def test_a_policy_that_fails(policy: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The user is asked, nobody is led away, and the log says why but not whose."""
    host = _host(policy)
    browser = host.signed_in("shop")

    with caplog.at_level(logging.ERROR, "idp_session"):
        question = browser.get(END, query_string=_request(host, browser, _this_session))
        answer = confirmed(browser, question)

    assert is_question(question)
    assert answer.headers["Location"] == CALLBACK
    assert not is_signed_in(browser)
    assert "the safe answer is taken" in caplog.text
    assert "alice" not in caplog.text


def test_what_a_policy_is_told() -> None:
    """It sees who is signed in, who asks, and what the checks have found."""
    policy = Scripted()
    host = _host(policy)
    browser = host.signed_in("shop", "mail")
    session_id = sid_of(browser)
    hint = host.hint(sid=session_id, exp=1_000_000_000)

    browser.get(
        END, query_string={"id_token_hint": hint, "post_logout_redirect_uri": DONE}
    )

    asked, led = policy.seen
    assert asked == led
    assert asked.user is not None
    assert asked.user.subject_id == "alice"
    assert asked.session_id == session_id
    assert asked.client_ids == ("shop", "mail")
    assert asked.client == SHOP
    assert asked.hint is HintStanding.THIS_SESSION
    assert asked.hint_expired
    assert asked.address is AddressStanding.REGISTERED
    assert not asked.confirm_every_logout


def test_with_nobody_signed_in_a_policy_decides_the_way_only() -> None:
    """There is nothing to ask about, and it says whether the browser goes on."""
    # RIL-OP-20
    policy = Scripted(asks=True, leads=False)
    host = _host(policy)
    browser = host.browser()

    response = browser.get(
        END, query_string=_request(host, browser, lambda h, _: h.hint())
    )

    assert "You are signed out" in response.text
    assert [each.hint for each in policy.seen] == [HintStanding.NO_SESSION]


def _shop(confirm_logout: bool | None) -> Client:
    return dataclasses.replace(SHOP, confirm_logout=confirm_logout)


@pytest.mark.parametrize(
    ("confirm_logout", "every", "asked"),
    [
        pytest.param(None, False, False, id="settings: no"),
        pytest.param(None, True, True, id="settings: yes"),
        pytest.param(True, False, True, id="client: yes"),
        pytest.param(False, True, False, id="client: no, settings: yes"),
    ],
)
def test_a_client_of_the_house(
    confirm_logout: bool | None, every: bool, asked: bool
) -> None:
    """A client says for itself whether its users are asked; others as the settings."""
    # RIL-OP-16
    host = host_app(
        clients=(_shop(confirm_logout), MAIL),
        config={"IDP_SESSION_CONFIRM_EVERY_LOGOUT": every},
    )
    browser = host.signed_in("shop")

    response = browser.get(END, query_string=_request(host, browser, _this_session))

    assert is_question(response) is asked
    assert is_signed_in(browser) is asked


@pytest.mark.parametrize(
    "hinted",
    [
        pytest.param(lambda *_: "", id="none"),
        pytest.param(lambda *_: "a.b.c", id="noise"),
        pytest.param(other_session, id="other session"),
        pytest.param(lambda host, _: host.hint(sub="bob"), id="other user"),
    ],
)
def test_what_a_client_cannot_waive(hinted: Hinted) -> None:
    """A trusted client's word counts for this session and user, and for no other."""
    # RIL-OP-13, RIL-OP-17
    host = host_app(clients=(_shop(confirm_logout=False), MAIL))
    browser = host.signed_in("shop")
    given = {**_request(host, browser, hinted), "client_id": "shop"}

    response = browser.get(END, query_string=given)

    assert is_question(response)
    assert is_signed_in(browser)


def test_a_policy_that_inherits() -> None:
    """A host that adds one rule keeps the others."""

    class OnlyMailAsks(DefaultLogoutPolicy):
        def needs_confirmation(self, context: LogoutContext) -> bool:
            is_mail = context.client is not None and context.client.client_id == "mail"

            return is_mail or super().needs_confirmation(context)

    host = host_app(logout_policy=OnlyMailAsks())
    shop, mail = host.signed_in("shop"), host.signed_in("mail")

    shop.get(END, query_string={"id_token_hint": host.hint("shop")})
    mail.get(END, query_string={"id_token_hint": host.hint("mail")})

    assert (is_signed_in(shop), is_signed_in(mail)) == (False, True)
