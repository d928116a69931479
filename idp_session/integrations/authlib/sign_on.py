"""Whether an authorization request needs the user to prove again who they are."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from datetime import timedelta
from datetime import UTC

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oidc.core.errors import LoginRequiredError
from flask import request
from werkzeug.datastructures import MultiDict

from ..._protocol import rp_initiated
from ...flask.state import app_state
from ...flask.state import user_session

__all__ = ["SignOn"]

_PURPOSE = "sign-on"
_MARK = "asked"
# Digits of a max_age; ten of them are three centuries.
_LONGEST_AGE = 10
# How long somebody may take to sign in before they are asked anew.
_PATIENCE = timedelta(hours=1)


class SignOn:
    """Single sign-on for the current authorization request.

    OpenID Connect Core §3.1.2.1: ``prompt``, ``max_age`` and ``id_token_hint``.
    """

    def __init__(self) -> None:
        self._prompts = request.values.get("prompt", "").split()

    @property
    def needs_login(self) -> bool:
        """Whether the login page has to be shown, even if somebody is signed in.

        :raises InvalidRequestError: If ``max_age`` is not a number of seconds.
        """
        max_age = self._max_age()
        principal = user_session.user

        if principal is None or principal.authenticated_at is None:
            return True

        if self._was_answered(principal.authenticated_at):
            return False

        if {"login", "select_account"} & set(self._prompts):
            return True

        if not user_session.authentication_is_fresh:
            return True

        age = app_state().clock.now() - principal.authenticated_at

        return (max_age is not None and age > max_age) or self._is_for_another()

    @property
    def needs_consent(self) -> bool:
        """Whether the client asks for a consent page."""
        return "consent" in self._prompts

    def refuse(self, redirect_uri: str) -> None:
        """Answer a request that no login page can or may satisfy.

        :param redirect_uri: The validated redirect URI.
        :raises LoginRequiredError: If the request says ``prompt=none`` and a login
            page would be needed, or if somebody else than the hint names has just
            signed in (OpenID Connect Core §3.1.2.2).
        :raises InvalidRequestError: If ``max_age`` is not a number of seconds.
        """
        try:
            needed = self.needs_login
        except InvalidRequestError as error:
            # RFC 6749 §4.1.2.1: the client hears of what is wrong.
            error.redirect_uri = redirect_uri
            raise

        if needed and "none" in self._prompts:
            raise LoginRequiredError(redirect_uri=redirect_uri)

        if not needed and self._is_for_another():
            raise LoginRequiredError(redirect_uri=redirect_uri)

    def continuation(self) -> MultiDict[str, str]:
        """The parameters to come back with after the login page.

        They say, sealed, when the user was asked, so that a login before that
        moment does not count for ``prompt=login``.
        """
        values = _without_mark(request.values)
        now = app_state().clock.now().timestamp()
        sealed = app_state().protector.seal(
            json.dumps(now).encode(), purpose=_PURPOSE, context=_digest(values)
        )
        values[_MARK] = sealed.hex()

        return values

    def _asked_at(self) -> datetime | None:
        try:
            sealed = bytes.fromhex(request.args.get(_MARK, ""))
        except ValueError:
            return None

        # What to come back with is a query; a consent form adds a body to it.
        context = _digest(_without_mark(request.args))
        plaintext = app_state().protector.open(
            sealed, purpose=_PURPOSE, context=context
        )

        if plaintext is None:
            return None

        asked_at = datetime.fromtimestamp(json.loads(plaintext), UTC)

        return asked_at if app_state().clock.now() - asked_at < _PATIENCE else None

    def _was_answered(self, authenticated_at: datetime) -> bool:
        asked_at = self._asked_at()

        return asked_at is not None and authenticated_at >= asked_at

    @staticmethod
    def _max_age() -> timedelta | None:
        text = request.values.get("max_age")

        # RFC 6749 §3.1: a parameter without a value counts as left out.
        if not text:
            return None

        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_AGE):
            raise InvalidRequestError("max_age must be a number of seconds.")

        return timedelta(seconds=int(text))

    @staticmethod
    def _is_for_another() -> bool:
        state = app_state()
        text = request.values.get("id_token_hint")
        principal = user_session.user

        if not text or principal is None:
            return False

        hint = rp_initiated.hint_from(
            state.signer.verify(text, clients=state.clients),
            iss=state.options.issuer,
            now=int(state.clock.now().timestamp()),
            client_id=request.values.get("client_id"),
        )

        # A hint that is not ours says nothing of who should be signed in.
        if hint is None:
            return False

        subject = state.subjects.subject_for(principal.subject_id, hint.client_id)

        return hint.sub != subject


def _without_mark(given: MultiDict[str, str]) -> MultiDict[str, str]:
    values: MultiDict[str, str] = MultiDict()

    for name, texts in given.lists():
        if name != _MARK:
            values.setlist(name, texts)

    return values


def _digest(values: MultiDict[str, str]) -> str:
    text = json.dumps(sorted(values.items(multi=True)))

    return hashlib.sha256(text.encode()).hexdigest()
