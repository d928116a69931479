"""The file of a ring is sealed, and one that cannot be used stops the start."""

from __future__ import annotations

import json
import logging
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import KeySet

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import ConfigurationError
from idp_session.testing import ManualClock
from idp_session.testing import START

from .rings import ACTIVE
from .rings import DAY
from .rings import key_id_of
from .rings import make_ring
from .rings import NEW
from .rings import OTHER
from .rings import PROTECTOR
from .rings import published
from .rings import signed
from .rings import states
from .rings import write_old_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "signing-keys"


@pytest.fixture
def ring(path: Path, clock: ManualClock) -> KeyRing:
    return make_ring(path, clock)


def test_keys_stay_the_same(path: Path) -> None:
    """The second start has the keys of the first, named by their thumbprints."""
    first = make_ring(path).key_set()
    second = make_ring(path).key_set()

    assert second.as_dict(private=True) == first.as_dict(private=True)
    assert [key.kid for key in first] == [key.thumbprint() for key in first]


def test_keys_serve_a_signer(path: Path) -> None:
    """A new ring has a key for each of the usual algorithms; both of RSA share one."""
    ring = KeyRing(path, protector=PROTECTOR)

    assert KeySetTokenSigner(ring).algorithms == (
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
        "HS256",
    )
    assert states(ring) == [ACTIVE] * 3


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "to be made"])
def test_a_link_stays_a_link(path: Path, clock: ManualClock, *, is_there: bool) -> None:
    """Nodes that know the file by a link and by its name have the same keys for ever."""
    path.parent.mkdir()
    link = path.with_name("link")
    link.symlink_to(path)
    by_link, by_name = [
        KeyRing(each, protector=PROTECTOR, clock=clock) for each in (link, path)
    ]
    (by_name if is_there else by_link).load()

    by_link.rotate()
    by_name.rotate()
    clock.tick(timedelta(seconds=5))

    assert link.is_symlink()
    assert by_link.statuses() == by_name.statuses()


def test_file_is_sealed_and_private(path: Path, ring: KeyRing) -> None:
    """At rest the keys are neither readable by others nor in the clear."""
    ring.rotate()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"kty" not in path.read_bytes()
    assert {each.name for each in path.parent.iterdir()} == {
        "signing-keys",
        ".signing-keys.lock",
    }
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {
        0o600
    }


def test_published_keys_have_nothing_of_ours(ring: KeyRing) -> None:
    """Clients see public members only, and no times."""
    ring.rotate()

    assert {name for jwk in published(ring)["keys"] for name in jwk} == {
        "alg", "crv", "kid", "kty", "use", "x", "y",
    }  # fmt: skip


@pytest.mark.parametrize("attempt", range(25))
def test_threads_that_start_at_once_agree(path: Path, attempt: int) -> None:
    """Whoever is first makes the keys, and everyone has them."""
    barrier = threading.Barrier(4)

    def load(_: int) -> str:
        barrier.wait()

        return json.dumps(make_ring(path).key_set().as_dict(private=True))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(4)))) == 1


class TestUnusableFile:
    """A file that cannot be used is never overwritten."""

    def test_other_secret(self, path: Path) -> None:
        """Under another secret the file is kept as it is, and the message helps."""
        make_ring(path).load()
        sealed = path.read_bytes()

        with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS"):
            make_ring(path, protector=OTHER).load()

        assert path.read_bytes() == sealed

    def test_fallback(self, path: Path) -> None:
        """A new secret opens with the old one beside it, and seals when it writes."""
        make_ring(path).load()
        both = AesGcmTicketProtector("fedcba9876543210", fallbacks=["0123456789abcdef"])
        make_ring(path, protector=both).rotate()

        assert states(make_ring(path, protector=OTHER)) == [NEW, ACTIVE]

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b'{"keys": []}', id="in the clear"),
            pytest.param(
                PROTECTOR.seal(b'{"keys": []}', purpose="ticket"), id="other purpose"
            ),
            *(
                pytest.param(PROTECTOR.seal(text, purpose="signing-keys"), id=name)
                for name, text in {
                    "no keys": b'{"keys": []}',
                    "no JSON": b"{",
                    "list": b"[]",
                    "no member": b"{}",
                    "no key": b'{"keys": [7]}',
                    "no instant": b'{"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAA",'
                    b' "signs_from": "2026"}]}',
                    "no time zone": b'{"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAA",'
                    b' "signs_from": "2026-01-01"}]}',
                }.items()
            ),
        ],
    )
    def test_content(self, path: Path, content: bytes) -> None:
        """What holds no keys of ours stops the start and stays."""
        path.parent.mkdir()
        path.write_bytes(content)

        with pytest.raises(ConfigurationError, match="restore the file"):
            make_ring(path).load()

        assert path.read_bytes() == content

    def test_a_directory(self, tmp_path: Path) -> None:
        """A path that cannot be a file is named in the message."""
        with pytest.raises(ConfigurationError, match="directory"):
            make_ring(tmp_path).load()

    def test_later(
        self,
        path: Path,
        ring: KeyRing,
        clock: ManualClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A file that breaks while the provider runs breaks no sign-in."""
        before = key_id_of(signed(ring))
        path.write_bytes(b"broken")
        clock.tick(60)

        with caplog.at_level(logging.ERROR):
            assert key_id_of(signed(ring)) == before

        assert "cannot be opened" in caplog.text
        assert path.read_bytes() == b"broken"

    def test_vanishes_later(
        self, path: Path, ring: KeyRing, clock: ManualClock
    ) -> None:
        """A file that is gone while the provider runs is not made anew."""
        before = key_id_of(signed(ring))
        path.unlink()
        clock.tick(60)

        assert key_id_of(signed(ring)) == before
        assert not path.exists()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        pytest.param({"algorithms": ["RS512"]}, "RS512", id="algorithm"),
        pytest.param({"publish_ahead": timedelta(0)}, "publish_ahead", id="ahead"),
        pytest.param({"retire_after": timedelta(0)}, "retire_after", id="after"),
        pytest.param({"rotate_every": DAY}, "rotate_every", id="too often"),
        pytest.param({"retire_after": timedelta.max}, "retire_after", id="for ever"),
    ],
)
def test_refused_settings(path: Path, members: dict[str, Any], words: str) -> None:
    """Settings that contradict each other are refused before anything is written."""
    with pytest.raises(ConfigurationError, match=words):
        make_ring(path, **members)

    assert not path.parent.exists()


class TestOldFile:
    """Files from before keys were rotated."""

    def test_goes_on(self, path: Path, ring: KeyRing) -> None:
        """Its key signs as before, and is as old as the file."""
        old = write_old_file(path)
        (status,) = ring.statuses()

        assert key_id_of(signed(ring)) == old.keys[0].kid
        assert status.signs_from == START - 10 * DAY

    def test_is_rotated_by_its_age(
        self, path: Path, ring: KeyRing, clock: ManualClock
    ) -> None:
        """Its key is followed when it is old enough."""
        write_old_file(path)
        clock.tick(73 * DAY)

        assert states(ring) == [NEW, ACTIVE]

    def test_gets_what_is_missing(self, path: Path, clock: ManualClock) -> None:
        """An algorithm that it has no key for gets one."""
        old = write_old_file(path)
        ring = make_ring(path, clock, algorithms=["ES256", "EdDSA"])

        assert KeySetTokenSigner(ring).algorithms == ("ES256", "EdDSA", "HS256")
        assert key_id_of(signed(ring)) == old.keys[0].kid

    def test_old_code_reads_a_new_file(self, path: Path, ring: KeyRing) -> None:
        """The file is still a key set, so that one can go back a version."""
        ring.rotate()
        content = PROTECTOR.open(path.read_bytes(), purpose="signing-keys")
        assert content is not None

        keys = KeySet.import_key_set(json.loads(content))

        assert {key.kid for key in keys} == {key.key_id for key in ring.statuses()}
