"""The tree of errors.

.. code-block:: text

    IdpSessionError              base of everything raised on purpose
    ├── ConfigurationError       an option or a collaborator is wrong
    ├── ProtocolError            the other party broke a rule
    │   ├── InvalidLogoutTokenError
    │   └── InvalidClientMetadataError
    ├── SessionStoreError        a store cannot keep its promise
    │   ├── SessionExistsError   create met a taken key or session id
    │   └── SessionGoneError     the session has ended meanwhile
    ├── SessionLimitError        one session more than the settings allow
    └── LogoutTokenError         a logout token cannot be built

A client that does not answer is not an error: it is the state of a delivery.
"""

__all__ = [
    "ConfigurationError",
    "IdpSessionError",
    "InvalidClientMetadataError",
    "InvalidLogoutTokenError",
    "LogoutTokenError",
    "ProtocolError",
    "SessionExistsError",
    "SessionGoneError",
    "SessionLimitError",
    "SessionStoreError",
]


class IdpSessionError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(IdpSessionError):
    """An option or a collaborator is wrong; raised only while the app is set up.

    The message names the setting at fault and what to do about it.
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
    """A client registers logout metadata that the specifications forbid.

    :param member: The name of the member at fault, as on the wire.
    :param description: What is wrong with it.
    """

    error = "invalid_client_metadata"

    def __init__(self, member: str, description: str) -> None:
        super().__init__(f"{member}: {description}")
        self.member = member


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


class LogoutTokenError(IdpSessionError):
    """A logout token cannot be built or signed for a client."""
