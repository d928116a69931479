"""Sessions whose handle is given by hand: to a job, a shell, a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..services.user_session import DefaultUserSession

__all__ = ["HeldSession", "given_instead", "instead", "is_any_given"]


class HeldSession(DefaultUserSession):
    """The :class:`.UserSession` of a handle that the caller holds."""

    @property
    def handle(self) -> str | None:
        """The handle as it is now: a secret.

        It is the one that was given until a new one takes its place, at a sign-in or
        when data begins an anonymous session; after the end of the session it is
        ``None``.
        """
        return self._transport.handle


@dataclass(kw_only=True, slots=True, eq=False)
class _Block:
    """A block of code that works with one session."""

    session: HeldSession
    #: In which app the block is; in others its session is unknown.
    app: object
    #: In which request, if in one; requests inside of it have their own sessions.
    request: object
    #: Whether the block was left: code in a copied context may still run.
    is_over: bool = False


_current: ContextVar[_Block | None] = ContextVar("idp_session_block", default=None)


@contextmanager
def instead(session: HeldSession, *, app: object, request: object) -> Iterator[None]:
    """Let a session be the current one, instead of the request's.

    :param session: The session.
    :param app: What identifies the current app.
    :param request: The current request, or ``None``.
    """
    block = _Block(session=session, app=app, request=request)
    token = _current.set(block)

    try:
        yield
    finally:
        block.is_over = True
        _current.reset(token)


def is_any_given() -> bool:
    """Whether there may be a block around this code; which one is not looked at."""
    return _current.get() is not None


def given_instead(*, app: object, request: object) -> HeldSession | None:
    """The session of the innermost block, if it began in this app and request.

    :param app: What identifies the current app.
    :param request: The current request, or ``None``.
    :raises RuntimeError: If the block was left; what this would change is lost.
    """
    block = _current.get()

    if block is None or block.app is not app or block.request is not request:
        return None

    if block.is_over:
        raise RuntimeError(
            "the block of session_from that this code was started in is over; "
            "use session_from in the code itself"
        )

    return block.session
