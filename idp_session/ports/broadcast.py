"""Word of sessions between processes."""

from __future__ import annotations

from typing import Protocol

from ..models import SessionEvent

__all__ = ["SessionBroadcast", "SessionListener"]


class SessionListener(Protocol):
    """Hears what is broadcast."""

    def heard(self, event: SessionEvent) -> None:
        """Take an event; returns soon and does not raise."""

    def missed(self) -> None:
        """Know that something may have been said that was not heard.

        Called when listening begins, and after each interruption; returns at
        once and does not raise.
        """


class SessionBroadcast(Protocol):
    """Carries word of sessions to every process of a provider.

    It may lose some, when a network fails: whoever listens looks for the end of
    its sessions from time to time as well.
    """

    def publish(self, event: SessionEvent) -> None:
        """Tell every listener: those of this process now, others soon.

        Does not wait for others longer than a second or so, and never raises
        because they cannot be reached: a session has just ended, and that goes on.

        :param event: What happened.
        """

    def subscribe(self, listener: SessionListener) -> None:
        """Tell a listener of everything from now on; one that is known stays it.

        Threads that this needs begin now. After a fork the child has neither
        threads nor listeners.

        :param listener: Whom to tell.
        """

    def stop(self) -> None:
        """Forget all listeners and end the threads; returns soon."""
