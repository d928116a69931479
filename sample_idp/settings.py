"""From the command line to what the provider is made of."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .errors import StartError

__all__ = ["ProviderSettings", "read_text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """What one provider needs to know to start."""

    #: The issuer identifier.
    issuer: str
    #: Where keys and the default database are.
    data: Path
    #: Where sessions, clients and tokens are kept.
    database: sa.URL
    #: The app's secret.
    secret_key: str = field(repr=False)
    #: Files with clients.
    client_files: tuple[Path, ...] = ()
    #: ``IDP_SESSION_*`` settings.
    options: dict[str, Any] = field(default_factory=dict)
    #: Whether anybody may register a client.
    open_registration: bool = False
    #: Seconds.
    id_token_lifetime: int = 3600

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> ProviderSettings:
        """Read the files that the command line names.

        :param arguments: The parsed command line of ``idp`` or ``worker``.
        :raises StartError: If a file or a value cannot be used.
        """
        data = _folder(Path(arguments.data))
        issuer = _issuer(arguments)

        return cls(
            issuer=issuer,
            data=data,
            database=_database(arguments.database, data),
            secret_key=_secret_key(data / "secret_key"),
            client_files=tuple(map(Path, arguments.clients)),
            options=_options(arguments, issuer),
            open_registration=getattr(arguments, "open_registration", False),
            id_token_lifetime=getattr(arguments, "id_token_lifetime", 3600),
        )


def read_text(path: Path) -> str:
    """The text of a file.

    :param path: The file.
    :raises StartError: If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StartError(f"cannot read {path}: {reason}") from error


def _issuer(arguments: argparse.Namespace) -> str:
    if given := getattr(arguments, "issuer", None):
        return str(given)

    scheme = "https" if getattr(arguments, "tls_cert", None) else "http"

    return f"{scheme}://localhost:{getattr(arguments, 'port', 5000)}"


def _options(arguments: argparse.Namespace, issuer: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "IDP_SESSION_ISSUER": issuer,
        # A sample talks to clients on this machine; the package's default does not.
        "IDP_SESSION_DELIVERY_ALLOW_HTTP": True,
        "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        "IDP_SESSION_DELIVERY_TIMEOUT": 5,
        "IDP_SESSION_DELIVERY_LEASE": 10,
        "IDP_SESSION_DELIVERY_RETRY_AFTER": 4,
        "IDP_SESSION_DELIVERY_POLL_INTERVAL": 1,
        "IDP_SESSION_SWEEP_INTERVAL": 2,
        "IDP_SESSION_DELIVERY_CA_FILE": arguments.ca_file,
        # Each holds a thread; the others are for everybody else's requests.
        "IDP_SESSION_MAX_EVENT_STREAMS": getattr(arguments, "threads", 0) // 2,
    }

    if issuer.startswith("http:"):
        # So that every HTTP client can play a browser.
        options["IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE"] = "Lax"
        options["IDP_SESSION_CHECK_SESSION_COOKIE_SECURE"] = False

    return options | dict(arguments.settings)


def _folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"cannot use {path} for --data: {error.strerror}") from error

    return path


def _database(text: str | None, data: Path) -> sa.URL:
    if text is None:
        return sa.URL.create("sqlite", database=str(data / "sample_idp.sqlite"))

    try:
        return sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise StartError("--database must be an SQLAlchemy URL") from error


def _secret_key(path: Path) -> str:
    mine = path.with_name(f"{path.name}.{os.getpid()}")

    try:
        if not path.exists():
            handle = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32))
            _link(mine, path)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error

    return read_text(path).strip()


def _link(mine: Path, path: Path) -> None:
    # Of two processes that start at once the first one's key is everybody's.
    try:
        path.hardlink_to(mine)
    except FileExistsError:
        pass
    finally:
        mine.unlink()


def json_list(path: Path) -> list[Any]:
    """A JSON list from a file.

    :param path: The file.
    :raises StartError: If it cannot be read or holds something else.
    """
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise StartError(f"{path} is not JSON: {error}") from error

    if not isinstance(value, list):
        raise StartError(f"{path} must hold a JSON list of clients")

    return value
