"""Sealing, and the random values that the provider gives out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.crypto import handle_key
from idp_session.adapters.crypto import is_handle
from idp_session.adapters.crypto import new_handle
from idp_session.adapters.crypto import new_session_id
from idp_session.errors import ConfigurationError

SECRET = "0123456789abcdef"
OTHER = b"another secret of the same length"
PROTECTOR = AesGcmTicketProtector(SECRET)
SEALED = PROTECTOR.seal(b"ticket", purpose="ticket", context="key")


def test_what_was_sealed_opens() -> None:
    """The plaintext comes back for the same purpose and context."""
    assert PROTECTOR.open(SEALED, purpose="ticket", context="key") == b"ticket"


def test_secret_may_be_bytes() -> None:
    """A text and its UTF-8 octets are the same secret."""
    protector = AesGcmTicketProtector(SECRET.encode())

    assert protector.open(SEALED, purpose="ticket", context="key") == b"ticket"


def test_nothing_shows_through() -> None:
    """Sealing twice gives two texts, and neither shows the plaintext."""
    again = PROTECTOR.seal(b"ticket", purpose="ticket", context="key")

    assert again != SEALED
    assert b"ticket" not in again + SEALED


def test_layout() -> None:
    """A version byte, the key id, a nonce and a tag surround the ciphertext."""
    assert SEALED[0] == 1
    assert len(SEALED) == 1 + 4 + 12 + len(b"ticket") + 16


@pytest.mark.parametrize(
    ("purpose", "context"),
    [
        pytest.param("cookie", "key", id="other purpose"),
        pytest.param("ticket", "", id="no context"),
        pytest.param("ticket", "key2", id="other context"),
        pytest.param("ticketkey", "", id="moved boundary"),
    ],
)
def test_opens_nowhere_else(purpose: str, context: str) -> None:
    """What was sealed for one place is nothing in another."""
    assert PROTECTOR.open(SEALED, purpose=purpose, context=context) is None


@pytest.mark.parametrize("length", range(len(SEALED)))
def test_truncated(length: int) -> None:
    """No beginning of a sealed text opens."""
    cut = SEALED[:length]

    assert PROTECTOR.open(cut, purpose="ticket", context="key") is None


@pytest.mark.parametrize("position", range(len(SEALED)))
def test_tampered(position: int) -> None:
    """One changed bit anywhere, and it does not open."""
    changed = bytearray(SEALED)
    changed[position] ^= 1

    assert PROTECTOR.open(bytes(changed), purpose="ticket", context="key") is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes(junk: bytes) -> None:
    """Whatever was not sealed by us is nothing, and no error."""
    assert PROTECTOR.open(junk, purpose="ticket", context="key") is None


def test_rotation() -> None:
    """A fallback opens what it sealed, and the new secret seals."""
    rotated = AesGcmTicketProtector(OTHER, fallbacks=[SECRET])
    fresh = rotated.seal(b"new", purpose="ticket")

    assert rotated.open(SEALED, purpose="ticket", context="key") == b"ticket"
    assert PROTECTOR.open(fresh, purpose="ticket") is None
    assert AesGcmTicketProtector(OTHER).open(fresh, purpose="ticket") == b"new"


def test_unknown_secret() -> None:
    """Another secret opens nothing of ours."""
    stranger = AesGcmTicketProtector(OTHER)

    assert stranger.open(SEALED, purpose="ticket", context="key") is None


def test_key_id_may_be_shared() -> None:
    """Two secrets with the same key id are both tried."""
    protector = AesGcmTicketProtector(OTHER, fallbacks=[SECRET])
    protector._current.header = SEALED[:5]

    assert protector.open(SEALED, purpose="ticket", context="key") == b"ticket"


def test_purpose_has_no_nul() -> None:
    """A purpose that could be taken for another one with a context is refused."""
    with pytest.raises(ValueError, match="NUL"):
        PROTECTOR.seal(b"", purpose="a\0b")


def test_threads_share_a_protector() -> None:
    """The first use of a purpose by many threads at once gives one key."""
    protector = AesGcmTicketProtector(SECRET)

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: protector.seal(b"x", purpose="new"), range(8)))

    assert {PROTECTOR.open(each, purpose="new") for each in sealed} == {b"x"}


@pytest.mark.parametrize(
    ("secret", "fallbacks", "message"),
    [
        pytest.param("", [], "SECRET_KEY is empty; set it", id="empty"),
        pytest.param(b"", [], "SECRET_KEY is empty; set it", id="empty bytes"),
        pytest.param("a" * 15, [], "make one by: python", id="short"),
        pytest.param(SECRET, [""], "SECRET_KEY_FALLBACKS is empty", id="fallback"),
        pytest.param(SECRET, ["x"], "SECRET_KEY_FALLBACKS is shorter", id="old"),
    ],
)
def test_unusable_secret(
    secret: str | bytes, fallbacks: list[str | bytes], message: str
) -> None:
    """A missing or short secret stops the app and says what to do."""
    with pytest.raises(ConfigurationError, match=message):
        AesGcmTicketProtector(secret, fallbacks=fallbacks)


def test_handle() -> None:
    """A handle is fresh each time, well-formed, and known by its hash only."""
    handle = new_handle()

    assert is_handle(handle)
    assert handle != new_handle()
    assert len(handle_key(handle)) == 64
    assert handle_key(handle) == handle_key(handle)


def test_handle_key_is_sha256() -> None:
    """The key of a handle is its SHA-256, whatever the version of the package."""
    assert handle_key("abc").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 42, id="short"),
        pytest.param("a" * 44, id="long"),
        pytest.param("a" * 42 + "=", id="padded"),
        pytest.param("a" * 43 + "\n", id="line end"),
        pytest.param("a" * 42 + "\u00e9", id="not ASCII"),
        pytest.param("a" * 42 + "\u0663", id="foreign digit"),
        pytest.param("a" * 42 + "+", id="other alphabet"),
    ],
)
def test_not_a_handle(text: str) -> None:
    """A malformed cookie is recognised without looking it up."""
    assert not is_handle(text)


def test_session_id() -> None:
    """A session id is 32 hexadecimal digits, fresh each time."""  # SID-OP-03
    session_id = new_session_id()

    assert len(bytes.fromhex(session_id)) == 16
    assert session_id != new_session_id()
