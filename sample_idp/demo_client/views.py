"""The pages of the client."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from dataclasses import dataclass

from flask import Blueprint
from flask import current_app
from flask import jsonify
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadHost
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Response

from .browsers import Browser
from .browsers import current_browser
from .browsers import Notice
from .provider import is_silent
from .provider import Provider
from .provider import ProviderError
from .settings import ClientSettings
from .sign_ins import SignIns

__all__ = ["EXTENSION", "Collaborators", "pages", "show_http_error"]

EXTENSION = "demo_client"

pages = Blueprint("pages", __name__)

Page = tuple[str, int]

#: What to say about an error: status, heading, explanation.
_PROBLEMS = {
    "access_denied": (
        403,
        "You are not signed in",
        "The provider did not let you in, or you told it not to.",
    ),
    "login_required": (
        403,
        "You are not signed in",
        "The provider wants you to sign in there first.",
    ),
    "mismatching_state": (
        400,
        "This sign-in is over",
        "It was finished before, took too long, or began in another browser.",
    ),
    "unreachable": (
        503,
        "The provider cannot be reached",
        "It may be starting, or be away for a moment.",
    ),
}
_OTHER_PROBLEM = (
    502,
    "The sign-in did not work",
    "The provider gave an answer that cannot be used.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collaborators:
    """What the pages of one application need."""

    settings: ClientSettings
    provider: Provider
    sign_ins: SignIns


def _client() -> Collaborators:
    client: Collaborators = current_app.extensions[EXTENSION]

    return client


@pages.get("/")
def home() -> str | Response:
    """Who is signed in, and what the client was told."""
    if request.args:
        return _back_from_sign_out()

    client, browser = _client(), current_browser()
    sign_in = client.sign_ins.current(browser)

    return render_template(
        "home.html",
        sign_in=sign_in,
        browser=browser,
        notices=_told()[::-1],
        status=client.sign_ins.status(browser),
        check_session_iframe=client.provider.check_session_iframe() if sign_in else "",
    )


def _back_from_sign_out() -> Response:
    browser = current_browser()

    if _client().provider.confirms_sign_out():
        browser.tell("provider", "The provider says that you are signed out.")

    # The page is shown without the query, so that a reload is only a reload.
    return redirect(url_for("pages.home"), 303)


@pages.get("/login")
def login() -> Response | Page:
    """Off to the provider."""
    try:
        return _client().provider.redirect_to_sign_in()
    except ProviderError as error:
        return _problem(error)


@pages.get("/silent")
def silent() -> Response | str:
    """Off to the provider in a hidden frame, to see who is signed in there."""
    client = _client()
    sign_in = client.sign_ins.current(current_browser())

    if sign_in is None:
        return _tell_the_page("signed_out")

    try:
        return client.provider.redirect_silently(sign_in.id_token)
    except ProviderError:
        return _tell_the_page("error")


@pages.get("/callback")
def callback() -> Response | str | Page:
    """Back from the provider, with the user or without."""
    if is_silent():
        return _finish_silently()

    try:
        sign_in = _client().provider.finish_sign_in()
    except ProviderError as error:
        return _problem(error)

    _client().sign_ins.begin(current_browser(), sign_in)

    return redirect(url_for("pages.home"), 303)


def _finish_silently() -> str:
    try:
        sign_in = _client().provider.finish_sign_in()
    except ProviderError as error:
        # session §3.1: a refusal means that the user is signed out; that nothing
        # could be asked means nothing.
        if error.code in {"unreachable", "invalid_response", "mismatching_state"}:
            return _tell_the_page("error")

        _client().sign_ins.not_confirmed(current_browser(), error.code)
        return _tell_the_page("signed_out")

    if not _client().sign_ins.renew(current_browser(), sign_in):
        return _tell_the_page("signed_out")

    return _tell_the_page("renewed", session_state=sign_in.session_state)


@pages.post("/logout")
def logout() -> Response | Page:
    """Sign out here, then at the provider."""
    client, browser = _client(), current_browser()

    if not _genuine(browser):
        return _forged()

    sign_in = client.sign_ins.current(browser)
    client.sign_ins.end(browser, "here")

    if sign_in is None:
        return redirect(url_for("pages.home"), 303)

    try:
        return client.provider.redirect_to_sign_out(sign_in.id_token)
    except ProviderError as error:
        return _problem(error, heading="You are signed out here only")


@pages.post("/session-ended")
def session_ended() -> Response | Page:
    """The page has learned from the provider's frame that the session is over."""
    browser = current_browser()

    if not _genuine(browser):
        return _forged()

    _client().sign_ins.end(browser, "iframe")

    return Response(status=204)


@pages.get("/session.json")
def session_json() -> Response:
    """What the page looks at every second."""
    browser = current_browser()
    sign_ins = _client().sign_ins

    return jsonify(
        signed_in=sign_ins.current(browser) is not None,
        status=sign_ins.status(browser),
        ended_by=browser.ended_by,
        # The newest last.
        told=[asdict(notice) | {"at": notice.at.isoformat()} for notice in _told()],
    )


def _told() -> tuple[Notice, ...]:
    # A copy, since a logout may be told in this moment.
    return tuple(current_browser().told)


def show_http_error(error: HTTPException) -> ResponseReturnValue:
    """A page for every error of HTTP."""
    status = error.code or 500

    if isinstance(error, BadHost | SecurityError):
        # Without a host that is one Flask can make no address for a page.
        return f"{error.name}\n", status, {"Content-Type": "text/plain"}

    page = render_template("problem.html", heading=error.name, text=error.description)

    return page, status


def _genuine(browser: Browser) -> bool:
    given = request.form.get("csrf_token", "").encode()

    return secrets.compare_digest(given, browser.csrf_token.encode())


def _forged() -> Page:
    page = render_template(
        "problem.html",
        heading="That did not come from this page",
        text="Go back, reload the page and try again.",
    )

    return page, 400


def _problem(error: ProviderError, *, heading: str | None = None) -> Page:
    # Whoever makes the address of a request chooses the words of an unknown one.
    code = error.code if error.code in _PROBLEMS else "another error"
    current_app.logger.warning("the provider: %s", code)
    status, title, text = _PROBLEMS.get(error.code, _OTHER_PROBLEM)
    page = render_template(
        "problem.html", heading=heading or title, text=text, sign_in_again=True
    )

    return page, status


def _tell_the_page(outcome: str, *, session_state: str = "") -> str:
    return render_template("silent.html", outcome=outcome, session_state=session_state)
