"""What people see: sign-in and account."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort
from flask import Blueprint
from flask import current_app
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from idp_session import Principal
from idp_session import SessionLimitError
from idp_session.flask import user_session

from .extension import idp_session
from .pages import client_names
from .pages import page
from .users import ADMINISTRATOR
from .users import is_password
from .users import USERS

__all__ = ["blueprint", "is_same_site"]

blueprint = Blueprint("people", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Lead to the account."""
    return redirect(url_for("people.account"))


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    """Show the sign-in page."""
    return page("login.html", username=request.args.get("login_hint", ""))


@blueprint.post("/login")
def log_in() -> ResponseReturnValue:
    """Check the password and go on."""
    if not is_same_site():
        abort(403, "This form was sent from another site. Open the page and try again.")

    username = request.form.get("username", "")
    password = request.form.get("password", "")

    if not is_password(username, password):
        return page(
            "login.html",
            status=401,
            username=username,
            message="That name and password do not belong together.",
        )

    try:
        idp_session.sign_in(
            Principal(subject_id=username, display_name=USERS[username], amr=("pwd",)),
            persistent="remember" in request.form,
        )
    except SessionLimitError as error:
        return page(
            "login.html",
            status=409,
            username=username,
            message=f"No more than {error.at_most} sign-ins are allowed at once. "
            "Sign out somewhere else first.",
        )

    return redirect(_next(request.args.get("next")), 303)


@blueprint.get("/account/")
def account() -> ResponseReturnValue:
    """Show who is signed in."""
    if user_session.user is None:
        return redirect(url_for("people.login", next=url_for("people.account")))

    # Sessions that only browsers have are in no list, and have no events.
    has_list = current_app.config.get("IDP_SESSION_TICKETS") != "cookie"

    return page(
        "account.html",
        user=user_session.user,
        properties=user_session.properties,
        applications=client_names(user_session.client_ids),
        administrator=ADMINISTRATOR,
        has_list=has_list,
        script=has_list,
    )


@blueprint.get("/account/signed-out")
def signed_out() -> ResponseReturnValue:
    """Where the account page goes when its session has ended elsewhere."""
    if user_session.user is not None:
        return redirect(url_for("people.account"))

    return page("signed_out.html")


def is_same_site() -> bool:
    """Whether a form was sent by a page of ours, as far as the browser says."""
    fetch_site = request.headers.get("Sec-Fetch-Site")

    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}

    return request.headers.get("Origin") in {None, request.host_url.rstrip("/")}


def _next(target: str | None) -> str:
    # Only our own paths: anything else would make this page an open redirector.
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return url_for("people.account")

    parts = urlsplit(target)
    is_plain = not parts.netloc and not parts.scheme and target.isprintable()

    return target if is_plain else url_for("people.account")
