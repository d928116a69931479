"""Signing keys in a sealed file."""

from __future__ import annotations

import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_file import load_or_create_key_set
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import ConfigurationError

PROTECTOR = AesGcmTicketProtector("0123456789abcdef")
OTHER = AesGcmTicketProtector("fedcba9876543210")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "signing-keys"


def test_keys_stay_the_same(path: Path) -> None:
    """The second start has the keys of the first."""
    first = load_or_create_key_set(path, protector=PROTECTOR)
    second = load_or_create_key_set(path, protector=PROTECTOR)

    assert second.as_dict(private=True) == first.as_dict(private=True)
    assert [key.kid for key in first] == [key.thumbprint() for key in first]


def test_keys_serve_a_signer(path: Path) -> None:
    """A new file has a key for each of the usual algorithms."""
    keys = load_or_create_key_set(path, protector=PROTECTOR)

    assert KeySetTokenSigner(keys).algorithms == (
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
        "HS256",
    )


def test_one_key_for_both_kinds_of_rsa(path: Path) -> None:
    """RS256 and PS256 share a key."""
    keys = load_or_create_key_set(
        path, protector=PROTECTOR, algorithms=["RS256", "PS256"]
    )

    assert len(keys.keys) == 1


def test_file_is_sealed_and_private(path: Path) -> None:
    """At rest the keys are neither readable by others nor in the clear."""
    load_or_create_key_set(path, protector=PROTECTOR, algorithms=["ES256"])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"kty" not in path.read_bytes()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("attempt", range(25))
def test_processes_that_start_at_once_agree(path: Path, attempt: int) -> None:
    """Whoever is first makes the keys, and everyone has them."""
    barrier = threading.Barrier(4)

    def load(_: int) -> str:
        barrier.wait()
        keys = load_or_create_key_set(path, protector=PROTECTOR, algorithms=["ES256"])
        return json.dumps(keys.as_dict(private=True))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(4)))) == 1

    assert list(path.parent.iterdir()) == [path]


def test_other_secret(path: Path) -> None:
    """Under another secret the file is kept as it is, and the message helps."""
    load_or_create_key_set(path, protector=PROTECTOR, algorithms=["ES256"])
    sealed = path.read_bytes()

    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS"):
        load_or_create_key_set(path, protector=OTHER)

    assert path.read_bytes() == sealed


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"keys": []}', id="in the clear"),
        pytest.param(
            PROTECTOR.seal(b'{"keys": []}', purpose="ticket"), id="other purpose"
        ),
        pytest.param(
            PROTECTOR.seal(b'{"keys": []}', purpose="signing-keys"), id="no keys"
        ),
        pytest.param(PROTECTOR.seal(b"{", purpose="signing-keys"), id="no JSON"),
        pytest.param(PROTECTOR.seal(b"[]", purpose="signing-keys"), id="list"),
        pytest.param(PROTECTOR.seal(b"{}", purpose="signing-keys"), id="no member"),
    ],
)
def test_unusable_file(path: Path, content: bytes) -> None:
    """A file that holds no keys of ours is never overwritten."""
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="restore the file"):
        load_or_create_key_set(path, protector=PROTECTOR)

    assert path.read_bytes() == content


def test_path_is_a_directory(tmp_path: Path) -> None:
    """A path that cannot be a file is named in the message."""
    with pytest.raises(ConfigurationError, match="directory"):
        load_or_create_key_set(tmp_path, protector=PROTECTOR)


def test_unknown_algorithm(path: Path) -> None:
    """An algorithm without keys is refused before anything is written."""
    with pytest.raises(ConfigurationError, match="RS512"):
        load_or_create_key_set(path, protector=PROTECTOR, algorithms=["RS512"])

    assert not path.exists()
