"""Decides about logout requests: what is owed in any case, and what a policy says."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .._protocol.rp_initiated import address_standing
from .._protocol.rp_initiated import hint_standing
from .._protocol.rp_initiated import LogoutRequest
from ..models import AddressStanding
from ..models import HintStanding
from ..models import LogoutContext
from ..ports import LogoutPolicy
from ..ports import SubjectIdentifiers
from ..ports import UserSession

__all__ = ["DefaultLogoutPolicy", "LogoutDecisionService"]

_logger = logging.getLogger(__name__)

_OF_HERE = frozenset({HintStanding.THIS_SESSION, HintStanding.THIS_USER})
# Anybody can have these, and put them into an image on any page.
_OF_ANYBODY = frozenset(
    {HintStanding.ABSENT, HintStanding.INVALID, HintStanding.OTHER_USER}
)


class DefaultLogoutPolicy:
    """Asks where the specification says so, where the client wants it, or always.

    A policy of your own may inherit from it.
    """

    def needs_confirmation(self, context: LogoutContext) -> bool:
        if context.hint not in _OF_HERE or context.client is None:
            return True

        confirm = context.client.confirm_logout

        return context.confirm_every_logout if confirm is None else confirm

    def allows_redirect(self, context: LogoutContext) -> bool:
        return context.address is AddressStanding.REGISTERED


class LogoutDecisionService:
    """Keeps a policy within what is safe.

    :param policy: Decides where there is a choice.
    :param subjects: Knows how clients know the user.
    :param confirm_every_logout: What the settings say.
    """

    def __init__(
        self,
        *,
        policy: LogoutPolicy,
        subjects: SubjectIdentifiers,
        confirm_every_logout: bool,
    ) -> None:
        self._policy = policy
        self._subjects = subjects
        self._confirm_every_logout = confirm_every_logout

    def context(self, request: LogoutRequest, session: UserSession) -> LogoutContext:
        """What is known of a request.

        :param request: The validated request.
        :param session: The session of the browser that it comes from.
        """
        user, hint = session.user, request.hint
        sub = (
            self._subjects.subject_for(user.subject_id, hint.client_id)
            if user and hint
            else None
        )

        return LogoutContext(
            user=user,
            session_id=session.session_id,
            client_ids=session.client_ids,
            client=request.client,
            hint=hint_standing(
                request,
                current_sid=session.session_id,
                sub_at_client=sub,
                takes_part=hint is not None and hint.client_id in session.client_ids,
            ),
            hint_expired=hint is not None and hint.expired,
            address=address_standing(request),
            confirm_every_logout=self._confirm_every_logout,
        )

    def needs_confirmation(self, context: LogoutContext) -> bool:
        """Whether the user is asked before the session ends.

        :param context: What is known.
        """
        if context.user is None:
            return False

        if context.hint in _OF_ANYBODY:
            return True

        return _answer(lambda: self._policy.needs_confirmation(context), safe=True)

    def allows_redirect(self, context: LogoutContext) -> bool:
        """Whether the browser goes on to the address of the client.

        :param context: What is known.
        """
        # rpinitiated §3: equal to a registered one, and a hint that shows whose.
        if context.address is not AddressStanding.REGISTERED:
            return False

        return _answer(lambda: self._policy.allows_redirect(context), safe=False)


def _answer(ask: Callable[[], object], *, safe: bool) -> bool:
    try:
        answer = ask()
    except Exception as error:  # the host's port may raise anything
        # Its message may quote who is signed in.
        _logger.error(  # noqa: TRY400
            "the logout policy failed, and the safe answer is taken: %s",
            type(error).__name__,
        )
        return safe

    if isinstance(answer, bool):
        return answer

    _logger.error(
        "the logout policy answered neither True nor False but a %s, and the safe"
        " answer is taken",
        type(answer).__name__,
    )

    return safe
