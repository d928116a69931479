"""The authorization endpoint, and the pages that ask on its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlunsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import abort
from flask import Blueprint
from flask import current_app
from flask import redirect
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from idp_session.adapters.origins import origins_of
from idp_session.flask import user_session
from idp_session.integrations.authlib import Question
from idp_session.integrations.authlib import SessionAuthorizationServer
from idp_session.integrations.authlib import SignOn

from .pages import page
from .people import is_same_site

__all__ = ["blueprint"]

blueprint = Blueprint("authorization", __name__, url_prefix="/connect")

# How Authlib sends the browser back; our own redirects are a 303.
_TO_CLIENT = 302

# Where each question is asked.
_PAGES = {
    Question.SELECT_ACCOUNT: "authorization.select_account",
    Question.CONSENT: "authorization.consent",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """An authorization request that has been validated."""

    server: SessionAuthorizationServer
    grant: Any
    sign_on: SignOn

    def code(self) -> Response:
        """Send the browser back with a code."""
        user = user_session.user or abort(403)
        response: Response = self.server.create_authorization_response(
            grant_user=user.subject_id, grant=self.grant
        )

        return response


@blueprint.route("/authorize", methods=["GET", "POST"])
def authorize() -> ResponseReturnValue:
    """Answer an authorization request, or ask first (OpenID Connect Core §3.1.2)."""
    asked = _validated()
    question = asked.sign_on.question

    return asked.code() if question is None else _to_page(asked.sign_on, question)


@blueprint.route("/select-account", methods=["GET", "POST"])
def select_account() -> ResponseReturnValue:
    """Ask which account to go on with."""
    asked = _validated()
    sign_on = asked.sign_on

    if not _is_here(sign_on, Question.SELECT_ACCOUNT):
        return _to_authorize(request.args)

    if not _is_pressed("same", "another"):
        return page("select_account.html", **_on_page(asked))

    if "same" in request.form:
        return _to_authorize(sign_on.account_chosen())

    return _to_page(sign_on, Question.LOGIN)


@blueprint.route("/consent", methods=["GET", "POST"])
def consent() -> ResponseReturnValue:
    """Ask whether the client may have what it asks for."""
    asked = _validated()

    # Whoever was asked is still the one who answers, or the page is shown anew.
    if not _is_here(asked.sign_on, Question.CONSENT):
        return _to_authorize(request.args)

    if not _is_pressed("allow", "deny"):
        return page("consent.html", **_on_page(asked))

    if "allow" not in request.form:
        raise AccessDeniedError(redirect_uri=asked.grant.redirect_uri)

    return asked.code()


@blueprint.after_request
def limit_frames(response: Response) -> Response:
    """Let nothing be framed but what ``prompt=none`` answers, by its client.

    :param response: What was answered; pages have said so themselves.
    """
    response.headers.setdefault(
        "Content-Security-Policy", " ".join(["frame-ancestors", *_ancestors(response)])
    )

    return response


@blueprint.errorhandler(OAuth2Error)
def refuse(error: OAuth2Error) -> ResponseReturnValue:
    """Tell the client, or the user if where to send them is not certain.

    :param error: What is wrong with the request.
    """
    error.state = request.values.get("state")

    if error.redirect_uri:
        response: Response = _server().handle_error_response(None, error)

        return response

    return page(
        "error.html",
        status=400,
        title="This sign-in request cannot be used",
        text=error.description or error.error,
    )


def _server() -> SessionAuthorizationServer:
    server: SessionAuthorizationServer = current_app.extensions["sample_server"]

    return server


def _validated() -> _Request:
    server = _server()
    user = user_session.user
    grant = server.get_consent_grant(end_user=user and user.subject_id)
    _refuse_unsupported(grant.redirect_uri)
    sign_on = SignOn(requires_consent=grant.request.client.requires_consent)
    sign_on.refuse(grant.redirect_uri)

    return _Request(server=server, grant=grant, sign_on=sign_on)


def _ancestors(response: Response) -> list[str]:
    # What is asked may not be looked at where it could not be read.
    if response.status_code != _TO_CLIENT:
        return ["'none'"]

    client_id = request.values.get("client_id", "")
    is_silent = "none" in request.values.get("prompt", "").split()

    # It leads to an address of this client, or the answer is a page of ours.
    if not is_silent:
        return ["'none'"]

    client = current_app.extensions["sample_clients"].get(client_id)

    return sorted(origins_of(client)) or ["'none'"]


def _refuse_unsupported(redirect_uri: str) -> None:
    for name in ("request", "request_uri"):
        if name in request.values:
            # OpenID Connect Core §6: an OP that does not know them must say so.
            raise InvalidRequestError(
                f"{name} is not supported.",
                error=f"{name}_not_supported",
                redirect_uri=redirect_uri,
            )

    if request.values.get("response_mode", "query") != "query":
        raise InvalidRequestError(
            "response_mode must be query.", redirect_uri=redirect_uri
        )

    # RFC 6749 §3.1: no parameter may come twice.
    if any(len(values) > 1 for _, values in request.values.lists()):
        raise InvalidRequestError(
            "A parameter came more than once.", redirect_uri=redirect_uri
        )


def _is_here(sign_on: SignOn, question: Question) -> bool:
    return sign_on.question is question and sign_on.is_question(question)


def _is_pressed(*buttons: str) -> bool:
    # An address presses no button.
    if request.method != "POST" or not set(buttons) & request.form.keys():
        return False

    if not is_same_site():
        abort(403, "This form was sent from another site. Open the page and try again.")

    return True


def _on_page(asked: _Request) -> dict[str, Any]:
    return {
        "client": asked.grant.request.client,
        "user": user_session.user,
        "scope": asked.grant.request.scope,
        "sign_on": asked.sign_on,
    }


def _to_page(sign_on: SignOn, question: Question) -> Response:
    parameters = sign_on.asking(question)

    # An address of its own for each page, so that going back and loading it again do
    # what they say.
    if question in _PAGES:
        return _redirect(_address(_PAGES[question], parameters))

    return _redirect(
        url_for(
            "people.login",
            next=_address("authorization.authorize", parameters),
            login_hint=sign_on.login_hint,
            ui_locales=" ".join(sign_on.ui_locales) or None,
            acr_values=" ".join(sign_on.acr_values) or None,
        )
    )


def _to_authorize(parameters: MultiDict[str, str]) -> Response:
    return _redirect(_address("authorization.authorize", parameters))


def _address(endpoint: str, parameters: MultiDict[str, str]) -> str:
    query = urlencode(list(parameters.items(multi=True)))

    return urlunsplit(("", "", url_for(endpoint), query, ""))


def _redirect(address: str) -> Response:
    response = redirect(address, 303)
    response.cache_control.no_store = True

    return response  # type: ignore[return-value]
