"""The tree of errors.

.. code-block:: text

    IdpSessionError              base of everything raised on purpose
    ├── ConfigurationError       an option or a collaborator is wrong
    ├── ProtocolError            the other party broke a rule
    │   ├── InvalidLogoutTokenError
    │   └── InvalidClientMetadataError
    │       └── InvalidRedirectUriError
    ├── SessionStoreError        a store cannot keep its promise
    │   ├── SessionExistsError   create met a taken key or session id
    │   └── SessionGoneError     the session has ended meanwhile
    ├── SessionLimitError        one session more than the settings allow
    ├── HandleNotIssuableError   a handle is needed where none can be given
    ├── SessionTooLargeError     a session does not fit into a cookie
    ├── NotInCookieModeError     sessions in cookies cannot be listed or ended
    └── LogoutTokenError         a logout token cannot be built

A client that does not answer is not an error: it is the state of a delivery.
"""

__all__ = [
    "ConfigurationError",
    "HandleNotIssuableError",
    "IdpSessionError",
    "InvalidClientMetadataError",
    "InvalidLogoutTokenError",
    "InvalidRedirectUriError",
    "LogoutTokenError",
    "NotInCookieModeError",
    "ProtocolError",
    "SessionExistsError",
    "SessionGoneError",
    "SessionLimitError",
    "SessionStoreError",
    "SessionTooLargeError",
]


class IdpSessionError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(IdpSessionError):
    """An option, a collaborator, or a file or database that they name is wrong.

    Raised while an app or an object is set up, and by commands. The message names
    what is at fault, and what to do about it.
    """


class ProtocolError(IdpSessionError):
    """The other party sent something that the specifications forbid.

    :param description: What is wrong, in words that may be sent back.
    """

    #: Code sent on the wire in the ``error`` member (RFC 6749 §5.2).
    error: str = "invalid_request"

    def __init__(self, description: str) -> None:
        super().__init__(f"{self.error}: {description}")
        self.description = description


class InvalidLogoutTokenError(ProtocolError):
    """A relying party received a logout token that it must refuse.

    Back-Channel Logout 1.0 §2.6.
    """


class InvalidClientMetadataError(ProtocolError):
    """A client registers metadata that the specifications forbid.

    :param member: The name of the member at fault, as on the wire.
    :param description: What is wrong with it.
    """

    error = "invalid_client_metadata"

    def __init__(self, member: str, description: str) -> None:
        super().__init__(f"{member}: {description}")
        self.member = member


class InvalidRedirectUriError(InvalidClientMetadataError):
    """A client registers redirect URIs that a code must not be sent to."""

    error = "invalid_redirect_uri"


class SessionStoreError(IdpSessionError):
    """A store cannot keep its promise.

    :param key: The first characters of the key or session id concerned.
    """

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key[:8]


class SessionExistsError(SessionStoreError):
    """``create`` met a key or a session id that is taken."""


class SessionGoneError(SessionStoreError):
    """The session has ended, or its handle was replaced, in the meantime."""


class SessionLimitError(IdpSessionError):
    """One session more than the settings allow; nothing has changed.

    Raised only where ``IDP_SESSION_SESSION_LIMIT_POLICY`` is ``"refuse"``.

    :param at_most: How many sessions are allowed.
    """

    def __init__(self, *, at_most: int) -> None:
        super().__init__(f"no more than {at_most} sessions are allowed at once")
        self.at_most = at_most


class HandleNotIssuableError(IdpSessionError):
    """A session would begin, or get a new handle, on an open WebSocket.

    Its response, which would carry the handle, was sent by the handshake. Nothing
    has changed.
    """

    def __init__(self) -> None:
        super().__init__(
            "no session can begin and nobody can sign in on a WebSocket, whose "
            "response has been sent; do that with an ordinary request before the "
            "socket is opened"
        )


class SessionTooLargeError(IdpSessionError):
    """A session would not fit into the cookies of a request; nothing has changed.

    Raised only where ``IDP_SESSION_TICKETS`` is ``"cookie"``.

    :param size: How many characters it would take.
    :param at_most: How many there may be.
    """

    def __init__(self, *, size: int, at_most: int) -> None:
        super().__init__(
            f"the session would take {size} characters in the cookie, and {at_most}"
            ' fit; keep less in it, or set IDP_SESSION_TICKETS = "server"'
        )
        self.size = size
        self.at_most = at_most


class NotInCookieModeError(IdpSessionError):
    """What was asked for needs sessions on the server; nothing was done.

    Raised only where ``IDP_SESSION_TICKETS`` is ``"cookie"``.

    :param what: What cannot be done, as in "list sessions".
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f'IDP_SESSION_TICKETS is "cookie": the provider cannot {what}, since only'
            ' browsers have them; set IDP_SESSION_TICKETS = "server" if you need that'
        )


class LogoutTokenError(IdpSessionError):
    """A logout token cannot be built or signed for a client."""
