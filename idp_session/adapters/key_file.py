"""Keeps the signing keys in a file, sealed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import generate_key
from joserfc.jwk import Key
from joserfc.jwk import KeySet

from ..errors import ConfigurationError
from ..ports import TicketProtector

__all__ = ["load_or_create_key_set"]

_PURPOSE = "signing-keys"


def load_or_create_key_set(
    path: Path,
    *,
    protector: TicketProtector,
    algorithms: Sequence[str] = ("RS256", "ES256", "EdDSA"),
) -> KeySet:
    """The signing keys in a file, which is made if it is not there.

    Of several processes that start at once, one makes the file and all get its
    keys. An existing file is never written to. The ``kid`` of each key is its
    thumbprint (RFC 7638).

    :param path: The file; readable by its owner only, and sealed.
    :param protector: Seals and opens it.
    :param algorithms: For which algorithms a new file has keys.
    :raises ConfigurationError: If the file cannot be read, opened or made.
    """
    try:
        if not path.exists():
            _create(path, protector.seal(_new_keys(algorithms), purpose=_PURPOSE))

        sealed = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the signing keys cannot be kept in {path}: {error.strerror}; give a"
            " path on a local disk where this process may write"
        ) from error

    keys = protector.open(sealed, purpose=_PURPOSE)

    if keys is None:
        raise ConfigurationError(
            f"the signing keys in {path} cannot be opened; if SECRET_KEY has changed,"
            " add the old one to SECRET_KEY_FALLBACKS; otherwise restore the file, or"
            " remove it to have new keys, with which no token of the past verifies"
        )

    return _key_set(path, keys)


def _create(path: Path, sealed: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")

    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())

        # Unlike a rename, a link never replaces what another process has made.
        os.link(name, path)
    except FileExistsError:
        return
    finally:
        Path(name).unlink()


def _new_keys(algorithms: Sequence[str]) -> bytes:
    kinds = dict.fromkeys(_kind_of(algorithm) for algorithm in algorithms)
    keys = [_new_key(kind) for kind in kinds]

    return json.dumps(KeySet(keys).as_dict(private=True)).encode()


def _kind_of(algorithm: str) -> str:
    try:
        return _KINDS[algorithm]
    except KeyError:
        raise ConfigurationError(
            f"there are no keys for {algorithm}; choose from {', '.join(_KINDS)}"
        ) from None


#: What kind of key each algorithm needs; one RSA key serves both of its own.
_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def _new_key(kind: str) -> Key:
    if kind == "RSA":
        return generate_key("RSA", 2048, {"use": "sig"})

    if kind == "EC":
        return generate_key("EC", "P-256", {"use": "sig"})

    return generate_key("OKP", "Ed25519", {"use": "sig"})


def _key_set(path: Path, keys: bytes) -> KeySet:
    try:
        content: Any = json.loads(keys)
        return KeySet.import_key_set(content)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} holds no signing keys; restore the file or remove it"
        ) from error
