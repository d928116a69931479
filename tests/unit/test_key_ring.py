"""Signing keys that follow each other, in a sealed file."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.models import SigningKeyStatus
from idp_session.testing import ManualClock
from idp_session.testing import START

from .rings import ACTIVE
from .rings import DAY
from .rings import is_verified
from .rings import key_id_of
from .rings import make_ring
from .rings import NEW
from .rings import published
from .rings import RETIRED
from .rings import signed
from .rings import states


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "signing-keys"


@pytest.fixture
def ring(path: Path, clock: ManualClock) -> KeyRing:
    return make_ring(path, clock)


class TestRotation:
    """One key follows another."""

    def test_a_new_key_waits(self, ring: KeyRing, clock: ManualClock) -> None:
        """It is published at once and signs a week later, and the old one retires."""
        old = key_id_of(signed(ring))
        (new,) = ring.rotate()
        before = (key_id_of(signed(ring)), len(published(ring)["keys"]))
        clock.tick(7 * DAY - timedelta(microseconds=1))
        last = key_id_of(signed(ring))
        clock.tick(timedelta(microseconds=1))

        assert before == (old, 2)
        assert last == old
        assert key_id_of(signed(ring)) == new.key_id
        assert states(ring) == [ACTIVE, RETIRED]

    def test_a_retired_key_goes(self, ring: KeyRing, clock: ManualClock) -> None:
        """It is published for as long as its tokens live, and forgotten then."""
        old = signed(ring)
        ring.rotate()
        clock.tick(107 * DAY - timedelta(microseconds=1))
        known = is_verified(old, published(ring))
        clock.tick(timedelta(microseconds=1))

        assert known
        assert not is_verified(old, published(ring))

    def test_the_old_key_cannot_sign(self, ring: KeyRing, clock: ManualClock) -> None:
        """Only one key of a kind is there with its private members."""
        ring.rotate()
        clock.tick(8 * DAY)

        assert [key.is_private for key in ring.key_set()] == [True, False]

    def test_twice_is_once(self, ring: KeyRing) -> None:
        """A key that waits for its turn is not made a second time."""
        first = ring.rotate()

        assert ring.rotate() == first
        assert states(ring) == [NEW, ACTIVE]

    def test_a_waiting_key_may_begin_earlier(
        self, ring: KeyRing, clock: ManualClock
    ) -> None:
        """Asked for, it does not wait for the age of the old one."""
        ring.load()
        clock.tick(83 * DAY)
        (by_age,) = (key for key in ring.statuses() if key.state is NEW)
        (asked,) = ring.rotate()

        assert asked.key_id == by_age.key_id
        assert asked.signs_from == clock.now() + 7 * DAY

    def test_a_waiting_key_never_begins_later(
        self, path: Path, clock: ManualClock
    ) -> None:
        """With other durations than before there is no moment without a key."""
        make_ring(path, clock).rotate()
        patient = make_ring(path, clock, publish_ahead=30 * DAY)
        (new,) = patient.rotate()

        assert new.signs_from == START + 7 * DAY
        clock.tick(7 * DAY)
        assert key_id_of(signed(patient)) == new.key_id

    def test_a_clock_that_was_far_ahead(self, path: Path, clock: ManualClock) -> None:
        """What a wrong clock has planned for later years can be had now."""
        make_ring(path, clock).load()
        make_ring(path, ManualClock(START + 3650 * DAY)).load()
        (new,) = make_ring(path, clock).rotate()

        assert new.signs_from == START + 7 * DAY
        clock.tick(7 * DAY)
        assert key_id_of(signed(make_ring(path, clock))) == new.key_id

    def test_only_some(self, path: Path, clock: ManualClock) -> None:
        """Each kind of key has its own succession."""
        ring = make_ring(path, clock, algorithms=["ES256", "EdDSA"])
        ring.rotate(["EdDSA"])

        assert [(key.algorithms, key.state) for key in ring.statuses()] == [
            (("EdDSA",), NEW),
            (("EdDSA",), ACTIVE),
            (("ES256",), ACTIVE),
        ]

    def test_only_by_hand(self, path: Path, clock: ManualClock) -> None:
        """Without an age nothing happens by itself."""
        ring = make_ring(path, clock, rotate_every=None)
        ring.load()
        clock.tick(3650 * DAY)

        assert states(ring) == [ACTIVE]

    def test_a_clock_that_was_set_back(self, path: Path) -> None:
        """A provider whose clock is behind the file signs nevertheless."""
        make_ring(path, ManualClock(START)).load()

        assert signed(make_ring(path, ManualClock(START - DAY)))

    def test_another_process_notices(self, path: Path, clock: ManualClock) -> None:
        """What one process changes, the other publishes some seconds later."""
        here, there = make_ring(path, clock), make_ring(path, clock)
        here.load()
        there.load()
        here.rotate()
        clock.tick(5)

        assert there.statuses() == here.statuses()
        assert published(there) == published(here)

    def test_signing_looks_seldom(self, path: Path, ring: KeyRing) -> None:
        """Within a few seconds the file is not even looked at."""
        first = ring.key_set()
        path.unlink()

        assert ring.key_set() is first

    def test_a_full_or_forbidden_disk(
        self, path: Path, ring: KeyRing, clock: ManualClock
    ) -> None:
        """Where nothing can be written, the keys that there are go on."""
        token = signed(ring)
        (path.parent / ".signing-keys.lock").unlink()
        (path.parent / ".signing-keys.lock").mkdir()
        clock.tick(200 * DAY)

        assert key_id_of(signed(ring)) == key_id_of(token)


class TestByHand:
    """What an operator may do."""

    def test_add(self, ring: KeyRing) -> None:
        """The first key for an algorithm signs at once; a second one is refused."""
        added = ring.add("EdDSA")

        assert (added.algorithms, added.state) == (("EdDSA",), ACTIVE)
        assert KeySetTokenSigner(ring).algorithms == ("ES256", "EdDSA", "HS256")
        with pytest.raises(ValueError, match="rotate"):
            ring.add("EdDSA")

    def test_retire(self, ring: KeyRing, clock: ManualClock) -> None:
        """The key goes on until its successor was published long enough."""
        (old,) = ring.statuses()
        successor = ring.retire(old.key_id)
        now = states(ring)
        clock.tick(7 * DAY)

        assert now == [NEW, ACTIVE]
        assert key_id_of(signed(ring)) == successor.key_id

    def test_retire_at_once(self, ring: KeyRing) -> None:
        """In haste the successor signs from now on, and the old key verifies."""
        token = signed(ring)
        successor = ring.retire(key_id_of(token), at_once=True)

        assert key_id_of(signed(ring)) == successor.key_id
        assert is_verified(token, published(ring))
        assert ring.retire(key_id_of(token)).state is RETIRED

    def test_retire_a_waiting_key(self, ring: KeyRing) -> None:
        """A key that does not sign cannot stop."""
        (new,) = ring.rotate()

        with pytest.raises(ValueError, match="remove it"):
            ring.retire(new.key_id)

    def test_remove_a_stolen_key(self, ring: KeyRing) -> None:
        """At once, nothing that it signed verifies, and another key signs."""
        token = signed(ring)
        ring.remove(key_id_of(token), at_once=True)

        assert not is_verified(token, published(ring))
        assert states(ring) == [ACTIVE]
        assert is_verified(signed(ring), published(ring))

    def test_remove_a_stolen_key_with_a_successor(self, ring: KeyRing) -> None:
        """The key that waits takes over."""
        token = signed(ring)
        (new,) = ring.rotate()
        ring.remove(key_id_of(token), at_once=True)

        assert key_id_of(signed(ring)) == new.key_id

    def test_remove_a_waiting_key(self, ring: KeyRing, clock: ManualClock) -> None:
        """The key that it was to follow goes on."""
        token = signed(ring)
        (new,) = ring.rotate()
        ring.remove(new.key_id)
        clock.tick(8 * DAY)

        assert states(ring) == [ACTIVE]
        assert key_id_of(signed(ring)) == key_id_of(token)

    @pytest.mark.parametrize("after", [0, 8], ids=["active", "retired"])
    def test_remove_a_key_that_is_needed(
        self, ring: KeyRing, clock: ManualClock, after: int
    ) -> None:
        """What tokens may still need is not removed by mistake."""
        token = signed(ring)
        ring.rotate()
        clock.tick(after * DAY)

        with pytest.raises(ValueError, match="stolen"):
            ring.remove(key_id_of(token))

        assert is_verified(token, published(ring))

    def test_an_algorithm_that_is_not_wanted(self, ring: KeyRing) -> None:
        """The last key of a kind that the ring is not for goes for good."""
        ring.remove(ring.add("EdDSA").key_id, at_once=True)

        assert KeySetTokenSigner(ring).algorithms == ("ES256", "HS256")

    @pytest.mark.parametrize("verb", ["retire", "remove"])
    def test_no_such_key(self, ring: KeyRing, verb: str) -> None:
        """A key that is not there is said to be so, and the file stays."""
        with pytest.raises(LookupError, match="no such key"):
            getattr(ring, verb)("nobody")

        assert states(ring) == [ACTIVE]

    def test_rotate_what_is_not_there(self, ring: KeyRing) -> None:
        """There is nothing to follow for an algorithm without keys."""
        with pytest.raises(ValueError, match="add one"):
            ring.rotate(["EdDSA"])


STEPS = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=40 * 24).map(
            lambda hours: timedelta(hours=hours)
        ),
        st.sampled_from(["nothing", "nothing", "rotate", "restart"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    ahead=st.integers(min_value=1, max_value=20),
    every=st.integers(min_value=20, max_value=60),
    after=st.integers(min_value=1, max_value=60),
)
def test_over_months(
    steps: list[tuple[timedelta, str]], ahead: int, every: int, after: int
) -> None:
    """No client ever meets a token that the published keys do not verify.

    Whatever is signed is signed with a key that was published for long enough, and
    verifies by the keys published at any time of its life; and there are never more
    keys than the durations have room for.
    """
    durations = {
        "rotate_every": every * DAY,
        "publish_ahead": ahead * DAY,
        "retire_after": after * DAY,
    }
    most = after // ahead + 4
    clock = ManualClock()
    first_seen: dict[str, datetime] = {}
    alive: list[tuple[datetime, str]] = []

    with TemporaryDirectory() as folder:
        ring = make_ring(Path(folder, "keys"), clock, **durations)

        for step, what in [(timedelta(0), "nothing"), *steps]:
            clock.tick(step)

            if what == "restart":
                ring = make_ring(Path(folder, "keys"), clock, **durations)
            elif what == "rotate":
                ring.rotate()

            jwks = published(ring)
            for jwk in jwks["keys"]:
                first_seen.setdefault(jwk["kid"], clock.now())

            token = signed(ring)
            alive.append((clock.now() + after * DAY, token))
            alive = [each for each in alive if each[0] > clock.now()]
            seen_at = first_seen[key_id_of(token)]

            assert all(is_verified(each, jwks) for _, each in alive)
            assert seen_at == START or clock.now() - seen_at >= ahead * DAY
            assert len(jwks["keys"]) <= most


def test_status_has_nothing_secret() -> None:
    """What lists show of a key is in its status, and there is no key in it."""
    assert set(SigningKeyStatus.__slots__) == {
        "key_id",
        "algorithms",
        "state",
        "published_at",
        "signs_from",
        "retired_at",
        "removed_from",
    }
