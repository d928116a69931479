"""What a provider decides about logout requests, where it has a choice."""

from __future__ import annotations

from typing import Protocol

from ..models import LogoutContext

__all__ = ["LogoutPolicy"]


class LogoutPolicy(Protocol):
    """Decides whether the user is asked, and whether the browser goes on.

    It is asked during the request, and must not change what it is asked about. If it
    raises, or answers anything but ``True`` and ``False``, that is logged, and the
    safe answer is taken: to ask, and not to go on.
    """

    def needs_confirmation(self, context: LogoutContext) -> bool:
        """Whether the user is asked before the session ends.

        It is not called where a question is owed whatever it says: if there is no
        valid hint, or if that is another user's. Anybody can make such a request,
        for instance by an image on a page (RP-Initiated Logout 1.0 §6). Nor is it
        called if nobody is signed in. Where the hint is of another session, or of
        a client that takes no part, the specification demands a question too (§2);
        whoever answers ``False`` there departs from it.

        :param context: What is known.
        """

    def allows_redirect(self, context: LogoutContext) -> bool:
        """Whether the browser goes on to the address of the client.

        It is called only if a valid hint shows which client asks, and if that client
        has registered exactly this address (§3). No policy can open the way to
        another one. Without it the page at the end leads to the client's home page.

        :param context: What is known.
        """
