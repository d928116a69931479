"""The session of one request."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import Protocol

from ..models import AuthenticationProperties
from ..models import Departure
from ..models import EndedSession
from ..models import LogoutReason
from ..models import Principal

__all__ = ["SessionData", "UserSession"]


class SessionData(Protocol):
    """Named JSON values that a session keeps; read when first asked for.

    Changes are kept once, at the end of the request, and only what has changed: two
    requests that change different names both have their way, and of two that change
    the same name the later one. What is given out are copies; to change a value, set
    it.
    """

    @property
    def changed(self) -> bool:
        """Whether there is anything to keep: some value differs from what is kept."""

    def get(self, name: str, default: Any = None) -> Any:
        """A copy of a value.

        :param name: Its name.
        :param default: What to return if there is none.
        """

    def set(self, name: str, value: Any) -> None:
        """Give a value to a name.

        :param name: At most 255 characters.
        :param value: A ``str``, ``int``, finite ``float``, ``bool`` or ``None``, or
            a ``list`` or ``dict`` of such; the names in a ``dict`` are strings.
        :raises TypeError: If the name is not a string, or the value is anything
            else; the message says where.
        :raises ValueError: If the name is empty, too long, or cannot be kept.
        :raises HandleNotIssuableError: If there is no session, and none can begin:
            on a WebSocket.
        """

    def update(self, values: Mapping[str, Any]) -> None:
        """Give values to several names, and leave the others as they are.

        :param values: What :meth:`set` takes; all of it is set, or nothing.
        :raises TypeError: As for :meth:`set`.
        :raises ValueError: As for :meth:`set`.
        """

    def remove(self, name: str) -> None:
        """Forget a value; nothing happens if there is none.

        :param name: Its name.
        """

    def clear(self) -> None:
        """Forget all values that this request knows of."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a value of this name."""

    def __iter__(self) -> Iterator[str]:
        """The names."""

    def __len__(self) -> int:
        """How many values there are."""


class UserSession(Protocol):
    """The session of the user in the current request.

    As long as nobody is signed in ``user`` and ``session_id`` are ``None``,
    ``client_ids`` is empty and ``add_client_id`` does nothing. Data and attributes
    can be kept even then: the first of them begins an anonymous session, and the
    sign-in takes them over.
    """

    @property
    def user(self) -> Principal | None:
        """Who is signed in; a sign-in of the same request shows at once."""

    @property
    def properties(self) -> AuthenticationProperties | None:
        """What belongs to the sign-in, with the current client list."""

    @property
    def authentication_is_fresh(self) -> bool:
        """Whether the user has proved who they are within ``authentication_lifetime``.

        ``False`` for an anonymous request.
        """

    @property
    def session_id(self) -> str | None:
        """The public session id (``sid``, Back-Channel Logout 1.0 §2.1)."""

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The clients of the session, in the order in which they joined."""

    @property
    def data(self) -> SessionData:
        """The values that the session keeps."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """The names and values by which the session is found and ended."""

    def set_attribute(self, name: str, value: str) -> None:
        """Give the session an attribute, at once; the same value causes no write.

        :param name: At most 64 characters.
        :param value: At most 255 characters.
        :raises TypeError: If either is not a string.
        :raises ValueError: If the name is empty, or either is too long or cannot
            be kept.
        :raises SessionGoneError: If the session has ended since this request began.
        :raises HandleNotIssuableError: If there is no session, and none can begin:
            on a WebSocket.
        :raises SessionTooLargeError: If it does not fit into the cookie, where the
            session is in one.
        """

    def unset_attribute(self, name: str) -> None:
        """Take an attribute from the session, at once, if it has it.

        :param name: The name of the attribute.
        """

    def create_session_id(
        self, principal: Principal, properties: AuthenticationProperties
    ) -> str:
        """Sign the principal in and return the session id.

        The same subject keeps session id, clients, data and attributes and gets a
        new handle. An anonymous session becomes one with a new session id and a new
        handle, and data and attributes are kept. For another subject the old
        session is ended, with its clients told, and a new one begins, empty. A
        session id in the properties is kept only if it is the one of this subject's
        current session.

        :param principal: Who has just proved who they are.
        :param properties: What belongs to this sign-in.
        :raises SessionLimitError: If the subject has too many sessions already.
        :raises HandleNotIssuableError: On a WebSocket; nothing has changed then.
        :raises SessionTooLargeError: If it does not fit into a cookie, where it is
            to be in one.
        """

    def ensure_session_id_cookie(self) -> None:
        """Make the check-session cookie say what the session says.

        Written when it is missing or different, removed when nobody is signed
        in, untouched otherwise (Session Management 1.0 §3.2).
        """

    def remove_session_id_cookie(self) -> None:
        """Remove the check-session cookie if the browser has one."""

    def add_client_id(self, client_id: str) -> None:
        """Record that a client takes part; a known client causes no write.

        :raises SessionGoneError: If the session has ended since this request
            began: the client must not be given a code for it.
        :raises SessionLimitError: If the client takes part in too many sessions of
            the subject already.
        :raises SessionTooLargeError: If the client does not fit into the cookie, where
            the session is in one.
        """

    def remove_client_id(
        self, client_id: str, reason: LogoutReason
    ) -> Departure | None:
        """Sign the user out of one client, which is told; the session goes on.

        The client joins again as soon as it is given another code.

        :param client_id: The client.
        :param reason: Why; signals hear of it.
        :returns: What was left; ``None`` if the client does not take part.
        """

    def end(self, reason: LogoutReason) -> EndedSession | None:
        """End the session of this request, if there is one and nobody was faster.

        :param reason: Why; clients and signals hear of it.
        """
