"""The pages of the package in a host that has a policy of its own."""

from __future__ import annotations

import re

from flask import Flask
from flask import Response
from werkzeug.test import TestResponse

from idp_session.flask import protocol_blueprint

from .end_session_steps import CALLBACK
from .end_session_steps import END
from .hosts import directives
from .hosts import DONE
from .hosts import Host
from .hosts import host_app

POLICY = "Content-Security-Policy"
REPORTS = "Content-Security-Policy-Report-Only"


def host_with(headers: dict[str, str | list[str]]) -> Host:
    """A host that sends these headers with everything, as an extension would."""

    def hardened(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setlist(name, [value] if isinstance(value, str) else value)

        return response

    def register(app: Flask) -> None:
        app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
        app.after_request(hardened)

    return host_app(register=register)


def logout_page(host: Host) -> TestResponse:
    browser = host.signed_in("shop", "mail")
    browser.get(END, query_string={"id_token_hint": host.hint()})

    return browser.get(CALLBACK)


def test_the_policy_of_the_host_counts() -> None:
    """It is widened by the frames of this logout, and nothing of it is lost."""
    host = host_with(
        {POLICY: "default-src 'self' https://cdn.test; frame-src 'none'; report-uri /r"}
    )

    response = logout_page(host)

    assert directives(response)["default-src"] == "'self' https://cdn.test"
    assert directives(response)["frame-src"] == "https://mail.test"
    assert directives(response)["report-uri"] == "/r"
    assert directives(response)["frame-ancestors"] == "'none'"


def test_only_our_pages_are_widened() -> None:
    """On every other page the host's policy is what the host has said."""
    host = host_with({POLICY: "frame-src 'none'"})
    logout_page(host)

    assert host.browser().get("/plain").headers.getlist(POLICY) == ["frame-src 'none'"]
    assert host.browser().get("/nowhere").headers[POLICY] == "frame-src 'none'"


def test_several_headers_and_reports() -> None:
    """Each policy of the host is kept and widened, also those that only report."""
    host = host_with(
        {
            POLICY: ["frame-src 'none'", "default-src 'self'"],
            REPORTS: "frame-src https://x.test",
        }
    )

    response = logout_page(host)

    first, second = response.headers.getlist(POLICY)
    assert first.startswith("frame-src https://mail.test; ")
    assert second.startswith("default-src 'self'; script-src 'self' 'nonce-")
    assert response.headers.getlist(REPORTS) == [
        "frame-src https://x.test https://mail.test"
    ]


def test_other_headers_of_the_host_stay() -> None:
    """What a host says about other things is none of our business."""
    host = host_with({"Permissions-Policy": "camera=()", "X-Frame-Options": "DENY"})

    response = logout_page(host)

    assert response.headers["Permissions-Policy"] == "camera=()"
    assert response.headers["X-Frame-Options"] == "DENY"


def test_the_way_on_from_the_question() -> None:
    """Browsers apply form-action to the redirects after a form, so they are allowed."""
    host = host_with({POLICY: "default-src 'self'; form-action 'none'"})
    given = {"post_logout_redirect_uri": DONE, "id_token_hint": host.hint(sub="bob")}

    with_client = host.signed_in("shop").get(END, query_string=given)
    without = host.signed_in().get(END)

    assert "Do you want to sign out?" in with_client.text
    assert directives(with_client)["form-action"] == "'self' https://shop.test"
    assert directives(without)["form-action"] == "'self'"


def test_a_nonce_for_each_response() -> None:
    """Scripts and styles carry it, the policy names it, and nobody can foretell it."""
    responses = [logout_page(host_app()) for _ in range(2)]

    found = [re.findall(r'nonce="([^"]+)"', response.text) for response in responses]
    assert all(len(each) == 4 and len(set(each)) == 1 for each in found)
    assert found[0] != found[1]
    for response, (nonce, *_) in zip(responses, found, strict=True):
        assert f"script-src 'nonce-{nonce}'; " in response.headers[POLICY]
        assert f"style-src 'nonce-{nonce}'" in response.headers[POLICY]


def test_requests_of_one_application_context() -> None:
    """A page leaves nothing behind for the next request, also where both share ``g``."""
    host = host_app()

    with host.app.app_context():
        browser = host.browser()
        browser.get(CALLBACK)

        assert POLICY not in browser.get("/plain").headers
