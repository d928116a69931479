"""Authorization codes, access tokens and refresh tokens; kept as hashes."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from authlib.oauth2.rfc6749 import TokenMixin
from authlib.oidc.core import AuthorizationCodeMixin

from .extension import idp_session
from .schema import codes
from .schema import tokens

__all__ = ["Code", "Token", "TokenTable", "is_offline"]

_logger = logging.getLogger(__name__)

# RFC 6749 §4.1.2: at most ten minutes; clients come at once.
_CODE_LIFETIME = 60

# How often what has expired is deleted, in seconds.
_SWEEP_INTERVAL = 60.0

_OFFLINE_ACCESS = "offline_access"


@dataclass(frozen=True, slots=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """An authorization code as Authlib wants to see it."""

    subject_id: str
    session_id: str
    details: Mapping[str, Any]

    @property
    def code_challenge(self) -> str | None:
        """What the client has to prove that it knows (RFC 7636)."""
        return self.details.get("code_challenge")

    @property
    def code_challenge_method(self) -> str | None:
        """How it was made."""
        return self.details.get("code_challenge_method")

    def get_redirect_uri(self) -> str | None:
        """Where the code was sent, if the request said so."""
        return self.details.get("redirect_uri")

    def get_scope(self) -> str:
        """What the client was granted."""
        return str(self.details["scope"])

    def get_nonce(self) -> str | None:
        """What the client wants back in the ID token."""
        return self.details.get("nonce")

    def get_auth_time(self) -> int:
        """When the user proved who they are."""
        return int(self.details["auth_time"])

    def get_acr(self) -> str | None:
        """How strongly."""
        return self.details.get("acr")

    def get_amr(self) -> list[str] | None:
        """By what means."""
        return self.details.get("amr")

    def get_session_id(self) -> str:
        """In which session."""
        return self.session_id


@dataclass(frozen=True, slots=True)
class Token(TokenMixin):  # type: ignore[misc]
    """An access token and its refresh token, as Authlib wants to see them."""

    row: sa.Row[Any]
    client: Any

    @property
    def session_id(self) -> str:
        """The session that it was given out in."""
        return str(self.row.session_id)

    @property
    def subject_id(self) -> str:
        """The user."""
        return str(self.row.subject_id)

    @property
    def scope(self) -> str:
        """What it is good for."""
        return str(self.row.scope)

    @property
    def issued_at(self) -> int:
        """When it was issued, in seconds since the epoch."""
        return int(self.row.issued_at)

    @property
    def expires_at(self) -> int:
        """When it ends, in seconds since the epoch."""
        return int(self.row.issued_at + self.row.expires_in)

    def check_client(self, client: Any) -> bool:
        """Whether it is this client's.

        :param client: The client.
        """
        return bool(self.row.client_id == client.client_id)

    def get_scope(self) -> str:
        """What it is good for."""
        return self.scope

    def get_expires_in(self) -> int:
        """Its lifetime in seconds."""
        return int(self.row.expires_in)

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= time.time()

    def is_revoked(self) -> bool:
        """Whether it was taken back."""
        if self.row.access_revoked:
            return True

        # BCL-OP-34. Asked at every use, so that nothing depends on what the process
        # in which the session ended could still do.
        return not is_offline(self.scope) and not idp_session.is_live(
            self.session_id, client_id=self.row.client_id
        )

    def get_user(self) -> str:
        """The user."""
        return self.subject_id

    def get_client(self) -> Any:
        """The client."""
        return self.client


class TokenTable:
    """Codes and tokens in the database.

    :param engine: The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._next_sweep = 0.0

    def save_code(self, code: str, *, client_id: str, code_data: Code) -> None:
        """Keep a code.

        :param code: The code.
        :param client_id: Whom it is for.
        :param code_data: What belongs to it.
        """
        self._sweep()

        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(codes).values(
                    key=_key(code),
                    client_id=client_id,
                    subject_id=code_data.subject_id,
                    session_id=code_data.session_id,
                    expires_at=int(time.time()) + _CODE_LIFETIME,
                    details=dict(code_data.details),
                )
            )

    def take_code(self, code: str, client_id: str) -> Code | None:
        """A code, once: of two who bring it, one gets it.

        :param code: As it came.
        :param client_id: The authenticated client.
        """
        mine = sa.and_(codes.c.key == _key(code), codes.c.client_id == client_id)

        with self._engine.begin() as connection:
            row = connection.execute(sa.select(codes).where(mine)).one_or_none()
            taken = connection.execute(sa.delete(codes).where(mine)).rowcount

        if row is None or not taken or row.expires_at < _now():
            return None

        return Code(row.subject_id, row.session_id, row.details)

    def save(
        self,
        token: Mapping[str, Any],
        *,
        client_id: str,
        subject_id: str,
        session_id: str,
    ) -> None:
        """Keep a token response.

        :param token: What the client gets.
        :param client_id: Which client.
        :param subject_id: For which user.
        :param session_id: In which session.
        """
        refresh_token = token.get("refresh_token")

        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(tokens).values(
                    access_key=_key(token["access_token"]),
                    refresh_key=refresh_token and _key(refresh_token),
                    client_id=client_id,
                    subject_id=subject_id,
                    session_id=session_id,
                    scope=token.get("scope") or "",
                    issued_at=_now(),
                    expires_in=token["expires_in"],
                    access_revoked=False,
                )
            )

    def find(self, token: str, client: Any = None) -> Token | None:
        """The token with this access token or refresh token.

        :param token: As it came.
        :param client: The client that it is asked for.
        """
        key = _key(token)

        return self._first(
            sa.or_(tokens.c.access_key == key, tokens.c.refresh_key == key), client
        )

    def find_access_token(self, token: str) -> Token | None:
        """The token with this access token; a refresh token opens nothing.

        :param token: As it came.
        """
        return self._first(tokens.c.access_key == _key(token))

    def find_refresh_token(self, token: str, client: Any) -> Token | None:
        """The token with this refresh token.

        :param token: As it came.
        :param client: The authenticated client.
        """
        return self._first(
            sa.and_(
                tokens.c.refresh_key == _key(token),
                tokens.c.client_id == client.client_id,
            ),
            client,
        )

    def take_refresh_token(self, token: Token) -> bool:
        """Use a refresh token up: of two who bring it, one may go on.

        :param token: As it was found.
        """
        with self._engine.begin() as connection:
            taken = connection.execute(
                sa.update(tokens)
                .where(tokens.c.refresh_key == token.row.refresh_key)
                .values(refresh_key=None)
            ).rowcount

        return taken == 1

    def revoke(self, token: Token) -> None:
        """Take a token and its refresh token back.

        :param token: Which.
        """
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(tokens)
                .where(tokens.c.access_key == token.row.access_key)
                .values(refresh_key=None, access_revoked=True)
            )

    def _first(
        self, wanted: sa.ColumnElement[bool], client: Any = None
    ) -> Token | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(tokens).where(wanted)).first()

        return None if row is None else Token(row, client)

    def _sweep(self) -> None:
        # Now and then, apart from the transaction of a request that must not fail.
        if time.monotonic() < self._next_sweep:
            return

        self._next_sweep = time.monotonic() + _SWEEP_INTERVAL
        expired = tokens.c.issued_at + tokens.c.expires_in < _now()

        try:
            with self._engine.begin() as connection:
                connection.execute(sa.delete(codes).where(codes.c.expires_at < _now()))
                connection.execute(
                    sa.delete(tokens).where(expired, tokens.c.refresh_key.is_(None))
                )
        except sa.exc.OperationalError:
            _logger.info("expired codes and tokens stay for another while")


def is_offline(scope: str) -> bool:
    """Whether tokens with this scope outlive their session.

    :param scope: What was granted.
    """
    return _OFFLINE_ACCESS in scope.split()


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> int:
    return int(time.time())
