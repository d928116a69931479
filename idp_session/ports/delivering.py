"""How deliveries get going, and to clients."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from ..models import SendResult

__all__ = ["Dispatcher", "LogoutSender"]


class LogoutSender(Protocol):
    """Posts logout tokens, many at a time.

    :class:`~idp_session.adapters.blocking.BlockingLogoutSender` makes one out of a
    function that posts one token and waits for the answer.
    """

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        """Post a logout token once (Back-Channel Logout 1.0 §2.5); returns at once.

        Follows no redirect and sends no cookie. May be called by many threads, and
        in a forked child, which shares nothing with the requests of its parent.

        :param uri: The client's back-channel logout URI.
        :param logout_token: The token, in its compact form.
        :returns: Done within the deadline of the sender, whatever the other side
            does, with a result for everything that the other side does. A request
            for which it is not too late is given up if the future is cancelled.
            Callbacks are called by threads of the sender, and must be quick.
        """

    def stop(self) -> None:
        """Give up requests under way, and let go of threads and connections.

        Returns within a second or so. The futures of the requests are cancelled,
        unless they are done anyway by the time of their deadline. What is
        submitted afterwards begins anew.
        """


class Dispatcher(Protocol):
    """Gets deliveries going in the background."""

    def kick(self) -> None:
        """Have due deliveries sent now; returns at once."""
