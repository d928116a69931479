"""What the user has to be asked for an authorization request."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from functools import cached_property

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oidc.core.errors import ConsentRequiredError
from authlib.oidc.core.errors import LoginRequiredError
from flask import request
from werkzeug.datastructures import MultiDict

from ..._protocol import rp_initiated
from ...flask.state import app_state
from ...flask.state import user_session
from ...models import Principal
from .marks import Marks
from .marks import Question

__all__ = ["SignOn"]

# Digits of a max_age; ten of them are three centuries.
_LONGEST_AGE = 10


class SignOn:
    """Single sign-on for the current authorization request.

    OpenID Connect Core §3.1.2.1: ``prompt``, ``max_age`` and ``id_token_hint`` say
    what the user is asked, and ``login_hint``, ``acr_values`` and ``ui_locales`` go on
    to the page that asks. Call :meth:`refuse` first, then ask :attr:`question`, send
    the browser to its page with the parameters of :meth:`asking`, and look again when
    it comes back.

    :param requires_consent: Whether the user is asked for their consent even if the
        request does not say so.
    """

    def __init__(self, *, requires_consent: bool = False) -> None:
        self._prompts = frozenset(request.values.get("prompt", "").split())
        self._requires_consent = requires_consent or "consent" in self._prompts
        # The address of a page holds the whole request; a form only adds its answer.
        marks = Marks.of(request.args)
        self._request = request.values if marks is None else request.args
        self._marks = Marks() if marks is None else marks

    @property
    def question(self) -> Question | None:
        """What the user has to be asked next, ``None`` if nothing.

        A login page that was shown for this request has also answered which account
        it is. Somebody who was asked is not asked again, however small ``max_age`` is.

        :raises InvalidRequestError: If ``max_age`` is not a number of seconds.
        """
        max_age = self._max_age()
        principal = user_session.user

        if principal is None or principal.authenticated_at is None:
            return Question.LOGIN

        if not self._marks.has_login_since(principal.authenticated_at):
            if self._is_too_little(principal, max_age):
                return Question.LOGIN

            if "select_account" in self._prompts and not self._is_chosen:
                return Question.SELECT_ACCOUNT

        return Question.CONSENT if self._requires_consent else None

    @property
    def may_choose_account(self) -> bool:
        """Whether another user than the one here would be welcome.

        ``False`` if an ``id_token_hint`` names one: the client takes nobody else.
        """
        return self._hint is None

    @property
    def login_hint(self) -> str | None:
        """The name that the client suggests for the login page; it proves nothing."""
        return request.values.get("login_hint") or None

    @property
    def acr_values(self) -> tuple[str, ...]:
        """How the client would like the user to prove who they are, best first."""
        return self._words("acr_values")

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """Languages for the pages, best first; not checked (BCP 47)."""
        return self._words("ui_locales")

    def refuse(self, redirect_uri: str) -> None:
        """Answer a request that no page can or may satisfy.

        :param redirect_uri: The validated redirect URI.
        :raises LoginRequiredError: If the request says ``prompt=none`` and a login
            page would be needed, or if somebody else than the hint names has just
            signed in (OpenID Connect Core §3.1.2.2).
        :raises ConsentRequiredError: If it says ``prompt=none`` and the user would have
            to be asked for consent.
        :raises InvalidRequestError: If ``max_age`` is not a number of seconds, or
            ``prompt`` contradicts itself.
        """
        try:
            self._refuse()
        except OAuth2Error as error:
            # RFC 6749 §4.1.2.1: the client hears of what is wrong.
            error.redirect_uri = redirect_uri
            raise

    def asking(self, question: Question) -> MultiDict[str, str]:
        """The parameters of the page that asks, or that the login page leads back to.

        They are those of the request, and say, sealed, when and of whom this was
        asked. A login of before does not count for ``prompt=login``.

        :param question: What is asked.
        """
        is_login = question is Question.LOGIN
        now = app_state().clock.now().timestamp()

        return dataclasses.replace(
            self._marks,
            login_asked_at=now if is_login else self._marks.login_asked_at,
            question=question.value,
            session_id=user_session.session_id,
        ).on(self._request)

    def is_question(self, question: Question) -> bool:
        """Whether this address is that of the page that asks this, of this user.

        Take an answer only if it is: in another tab somebody else may have signed in
        since the page was shown, and nobody answers for another one.

        :param question: What the page asks.
        """
        marks = self._marks
        is_asked = marks.question == question.value

        return is_asked and marks.session_id == user_session.session_id

    def account_chosen(self) -> MultiDict[str, str]:
        """The parameters to go on with when the user stays who they are.

        Ask :meth:`is_question` first, and take the choice from a form only, with
        whatever keeps other sites from sending it.
        """
        return dataclasses.replace(
            self._marks, chosen=user_session.session_id, question=None, session_id=None
        ).on(self._request)

    @property
    def _is_chosen(self) -> bool:
        chosen = self._marks.chosen

        return chosen is not None and chosen == user_session.session_id

    def _refuse(self) -> None:
        is_silent = "none" in self._prompts

        if is_silent and len(self._prompts) > 1:
            # core §3.1.2.1
            raise InvalidRequestError("prompt none stands alone.")

        question = self.question

        if question is not Question.LOGIN and self._is_for_another():
            raise LoginRequiredError

        if not is_silent or question is None:
            return

        raise LoginRequiredError if question is Question.LOGIN else ConsentRequiredError

    def _is_too_little(self, principal: Principal, max_age: timedelta | None) -> bool:
        if "login" in self._prompts or not user_session.authentication_is_fresh:
            return True

        return self._is_too_old(principal, max_age) or self._is_for_another()

    @staticmethod
    def _is_too_old(principal: Principal, max_age: timedelta | None) -> bool:
        if max_age is None or principal.authenticated_at is None:
            return False

        age = app_state().clock.now() - principal.authenticated_at

        # Nothing is young enough for a max_age of 0, not even what is of this moment.
        return not max_age or age > max_age

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
    def _words(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(request.values.get(name, "").split()))

    @cached_property
    def _hint(self) -> rp_initiated.Hint | None:
        state = app_state()
        text = request.values.get("id_token_hint")

        if not text:
            return None

        # A hint that is not ours says nothing of who should be signed in.
        return rp_initiated.hint_from(
            state.signer.verify(text, clients=state.clients),
            iss=state.options.issuer,
            now=int(state.clock.now().timestamp()),
            client_id=request.values.get("client_id"),
        )

    def _is_for_another(self) -> bool:
        principal, hint = user_session.user, self._hint

        if principal is None or hint is None:
            return False

        subject = app_state().subjects.subject_for(principal.subject_id, hint.client_id)

        return hint.sub != subject
