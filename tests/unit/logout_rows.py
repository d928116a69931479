"""How each row of the guide to RP-initiated logout is played."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from typing import Any
from typing import NoReturn

from flask.testing import FlaskClient
from joserfc import jwe
from joserfc import jws
from joserfc.jwk import OctKey
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp_session import LogoutContext
from idp_session.flask import DefaultLogoutPolicy

from .cookie_host import cookie_host
from .end_session_steps import confirmed
from .end_session_steps import END
from .end_session_steps import other_session
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import key_set
from .hosts import MAIL
from .hosts import NEWS
from .hosts import Page
from .hosts import SHOP
from .hosts import STATE
from .test_end_session_question import unsigned

__all__ = ["HOME", "ROWS", "Row", "client"]

HOME = "https://shop.test/"

Given = Mapping[str, Any]
MakeRequest = Callable[[Host, FlaskClient], Given]
Answer = Callable[[Host, FlaskClient, TestResponse], TestResponse]


def client(**members: Any) -> Any:
    """The shop, with a home page."""
    return dataclasses.replace(SHOP, client_uri=HOME, **members)


def _make_host() -> Host:
    return host_app(clients=(client(), MAIL, NEWS))


def _confirming(**members: Any) -> Callable[[], Host]:
    def make() -> Host:
        every = members.get("confirm_logout") is not True

        return host_app(
            clients=(client(**members), MAIL),
            config={"IDP_SESSION_CONFIRM_EVERY_LOGOUT": every},
        )

    return make


class _Failing(DefaultLogoutPolicy):
    def needs_confirmation(self, context: LogoutContext) -> NoReturn:
        raise RuntimeError

    def allows_redirect(self, context: LogoutContext) -> NoReturn:
        raise RuntimeError


def _get(_: Host, browser: FlaskClient, given: Given) -> TestResponse:
    return browser.get(END, query_string=given)


def _post(_: Host, browser: FlaskClient, given: Given) -> TestResponse:
    return browser.post(END, data=given)


def _post_elsewhere(host: Host, browser: FlaskClient, given: Given) -> TestResponse:
    posted = host.browser().post(END, data=given)

    return browser.get(posted.headers["Location"])


def _yes(_: Host, browser: FlaskClient, question: TestResponse) -> TestResponse:
    return confirmed(browser, question)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request, who sends it, and how its question is answered."""

    #: The parameters.
    given: MakeRequest
    #: Makes the host.
    host: Callable[[], Host] = field(default=_make_host)
    #: How it is sent.
    send: Callable[[Host, FlaskClient, Given], TestResponse] = field(default=_get)
    #: What answers the question.
    answer: Answer = field(default=_yes)
    #: What has happened in the browser before.
    before: Callable[[Host], FlaskClient] = field(
        default=lambda host: host.signed_in("shop")
    )
    #: What the state in the address is.
    state: str | None = None


def _hinted(address: str | None = DONE, **claims: Any) -> MakeRequest:
    """A request with a hint of this session, but for some claims."""
    more = {} if address is None else {"post_logout_redirect_uri": address}

    def make(host: Host, browser: FlaskClient) -> Given:
        usual = {"sid": sid_of(browser)}

        return {"id_token_hint": host.hint(**{**usual, **claims}), **more}

    return make


def _with(make: MakeRequest, **more: Any) -> MakeRequest:
    return lambda host, browser: {**make(host, browser), **more}


def _bad(make_hint: Callable[[Host, FlaskClient], str], **more: str) -> MakeRequest:
    return lambda host, browser: {
        "id_token_hint": make_hint(host, browser),
        "post_logout_redirect_uri": DONE,
        **more,
    }


def _just(**given: str) -> MakeRequest:
    return lambda _, __: given


def _claims(host: Host) -> dict[str, Any]:
    now = int(host.clock.now().timestamp())

    return {
        "iss": "https://idp.test",
        "sub": "alice",
        "aud": "shop",
        "iat": now,
        "exp": now + 60,
    }


def _encrypted(host: Host, browser: FlaskClient) -> str:
    key = next(key for key in key_set() if isinstance(key, RSAKey))
    header = {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256"}

    hint = host.hint(sid=sid_of(browser))

    return jwe.encrypt_compact(header, hint, key, algorithms=list(header.values()))


def _foreign(host: Host, _: FlaskClient) -> str:
    key = OctKey.import_key("a secret of at least thirty-two octets")
    payload = str(_claims(host)).replace("'", '"')

    return jws.serialize_compact({"alg": "HS256"}, payload, key)


def _logout_token(host: Host, _: FlaskClient) -> str:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}

    return host.hint(typ="logout+jwt", events=events)


def _of_removed(host: Host, browser: FlaskClient) -> str:
    hint = host.hint(sid=sid_of(browser))
    del host.clients.by_id["shop"]

    return hint


def _says(answer: str) -> Answer:
    return lambda _, browser, question: confirmed(browser, question, answer)


def _forged(_: Host, browser: FlaskClient, __: TestResponse) -> TestResponse:
    return browser.post(END, data={"confirmation": "00" * 80, "answer": "yes"})


def _late(host: Host, browser: FlaskClient, question: TestResponse) -> TestResponse:
    host.clock.tick(timedelta(minutes=10, seconds=1))

    return confirmed(browser, question)


def _twice(_: Host, browser: FlaskClient, question: TestResponse) -> TestResponse:
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    assert handle is not None
    confirmed(browser, question)
    browser.set_cookie(HANDLE, handle.value, domain="idp.test", secure=True)

    return confirmed(browser, question)


def _too_late(host: Host, browser: FlaskClient, question: TestResponse) -> TestResponse:
    browser.post(f"/end/{sid_of(browser)}")

    return confirmed(browser, question)


def _nobody(host: Host) -> FlaskClient:
    return host.browser()


def _clicked(host: Host) -> FlaskClient:
    browser = host.signed_in("shop", "mail")
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    assert handle is not None
    first = browser.get(END, query_string=_hinted()(host, browser))
    assert Page(first).frames == []
    again = host.browser()
    again.set_cookie(HANDLE, handle.value, domain="idp.test", secure=True)

    return again


_OTHER = _bad(other_session)

ROWS: dict[str, Row] = {
    "this-session": Row(given=_hinted()),
    "no-sid": Row(given=_hinted(sid=None)),
    "expired": Row(given=_hinted(exp=1_000_000_000)),
    "audience-list": Row(given=_hinted(aud=["shop"])),
    "audience-azp": Row(given=_hinted(aud=["api", "shop"], azp="shop")),
    "audience-client-id": Row(
        given=_with(_hinted(aud=["shop", "mail"]), client_id="shop")
    ),
    "audience-unclear": Row(given=_hinted(aud=["shop", "mail"])),
    "by-post": Row(given=_hinted(), send=_post),
    "by-post-elsewhere": Row(given=_hinted(), send=_post_elsewhere),
    "no-address": Row(given=_hinted(address=None)),
    "unregistered-address": Row(given=_hinted("https://evil.test/")),
    "near-miss": Row(given=_hinted(DONE + "?foo=bar")),
    "foreign-address": Row(given=_hinted("https://mail.test/")),
    "state": Row(given=_with(_hinted(), state=STATE), state=STATE),
    "empty-state": Row(given=_with(_hinted(), state="")),
    "odd-state": Row(
        given=_with(_hinted(), state="\r\nX: y ä\u2603 <b>"),
        state="\r\nX: y ä\u2603 <b>",
    ),
    "long-state": Row(given=_with(_hinted(), state="x" * 100_000), state="x" * 100_000),
    "nothing": Row(given=_just()),
    "hints-only": Row(given=_just(logout_hint="alice", ui_locales="xx-Nowhere")),
    "client-id": Row(given=_just(client_id="shop")),
    "client-id-and-address": Row(
        given=_just(client_id="shop", post_logout_redirect_uri=DONE, state="s")
    ),
    "unknown-client": Row(given=_just(client_id="else")),
    "contradiction": Row(given=_with(_hinted(), client_id="mail")),
    "twice": Row(given=lambda host, _: {"id_token_hint": [host.hint()] * 2}),
    "noise": Row(given=_bad(lambda *_: "a.b.c")),
    "noise-and-client-id": Row(given=_bad(lambda *_: "a.b.c", client_id="shop")),
    "encrypted": Row(given=_bad(_encrypted)),
    "unsigned": Row(given=_bad(lambda host, _: unsigned(_claims(host)))),
    "foreign-signature": Row(given=_bad(_foreign)),
    "other-issuer": Row(given=_hinted(iss="https://evil.test")),
    "logout-token": Row(given=_bad(_logout_token)),
    "removed-client": Row(given=_bad(_of_removed)),
    "other-session": Row(given=_OTHER),
    "past-session": Row(given=_hinted(sid="5e55")),
    "other-user": Row(given=_hinted(sub="bob", sid="5e55")),
    "other-user-this-session": Row(given=_hinted(sub="bob")),
    "no-part": Row(given=_hinted(), before=lambda host: host.signed_in("mail")),
    "answer-no": Row(given=_OTHER, answer=_says("no")),
    "answer-only": Row(given=_OTHER, answer=_says("only")),
    "answer-only-no-hint": Row(given=_just(client_id="shop"), answer=_says("only")),
    "answer-other": Row(given=_OTHER, answer=_says("maybe")),
    "answer-forged": Row(given=_OTHER, answer=_forged),
    "answer-late": Row(given=_OTHER, answer=_late),
    "answer-twice": Row(given=_OTHER, answer=_twice),
    "answer-too-late": Row(given=_OTHER, answer=_too_late),
    "nobody": Row(given=_just(), before=_nobody),
    "nobody-hint": Row(given=_hinted(), before=_nobody),
    "nobody-expired": Row(given=_hinted(exp=1_000_000_000), before=_nobody),
    "nobody-noise": Row(given=_bad(lambda *_: "a.b.c"), before=_nobody),
    "nobody-unregistered": Row(given=_hinted("https://evil.test/"), before=_nobody),
    "nobody-client-id": Row(given=_just(client_id="shop"), before=_nobody),
    "second-click": Row(given=_hinted(), before=_clicked),
    "confirm-every": Row(given=_hinted(), host=_confirming()),
    "client-waives": Row(given=_hinted(), host=_confirming(confirm_logout=False)),
    "client-waives-other-user": Row(
        given=_hinted(sub="bob"), host=_confirming(confirm_logout=False)
    ),
    "client-waives-other-session": Row(
        given=_OTHER, host=_confirming(confirm_logout=False)
    ),
    "client-asks": Row(given=_hinted(), host=_confirming(confirm_logout=True)),
    "policy-fails": Row(
        given=_hinted(),
        host=lambda: host_app(clients=(client(), MAIL), logout_policy=_Failing()),
    ),
    "cookie-mode-only": Row(
        given=_just(client_id="shop"),
        host=lambda: cookie_host(clients=(client(), MAIL)),
        answer=_says("only"),
    ),
}
