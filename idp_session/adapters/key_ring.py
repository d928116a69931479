"""Signing keys that follow each other, in a file that several processes share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from functools import partial
from pathlib import Path

from joserfc.jwk import KeySet

from ..errors import ConfigurationError
from ..models import SigningKeyStatus
from ..ports import Clock
from ..ports import TicketProtector
from .clock import SystemClock
from .key_changes import Change
from .key_changes import KeyChanges
from .key_changes import Keys
from .key_file import FileMark
from .key_file import KeyFile
from .key_schedule import KeySchedule
from .key_schedule import RingKey
from .key_view import algorithms_of_kind
from .key_view import KeyView
from .key_view import kind_of
from .key_view import new_key

__all__ = ["KeyRing"]

_logger = logging.getLogger(__name__)

# A look costs a stat; what another process has changed is known that late.
_LOOK_EVERY = timedelta(seconds=5)


class KeyRing:
    """The signing keys of a provider, of which one of each kind signs.

    A key is published before it signs, and published for some time after it has
    stopped. By age this happens by itself, in whichever process first sees that it
    is due: of several, one makes the new key. The first key of a kind signs at
    once. The file is made at the first use; see :meth:`load`.

    :param path: The file, on a disk that all processes share; sealed, and readable
        by its owner only.
    :param protector: Seals and opens it.
    :param algorithms: For which algorithms there are keys.
    :param rotate_every: How long a key signs; ``None`` if only :meth:`rotate` and
        ``flask idp-session keys rotate`` have the next one made.
    :param publish_ahead: How long a key is published before it signs; at least as
        long as clients cache the published keys.
    :param retire_after: How long a key is published after it has stopped; at least
        as long as any token lives. ID tokens come back as ``id_token_hint`` for as
        long as sessions last.
    :param clock: Tells the time. Default: that of the machine.
    :raises ConfigurationError: If an algorithm is unknown, or the durations
        contradict each other.
    """

    def __init__(
        self,
        path: Path,
        *,
        protector: TicketProtector,
        algorithms: Sequence[str] = ("RS256", "ES256", "EdDSA"),
        rotate_every: timedelta | None = timedelta(days=90),
        publish_ahead: timedelta = timedelta(days=7),
        retire_after: timedelta = timedelta(days=100),
        clock: Clock | None = None,
    ) -> None:
        self._kinds = tuple(dict.fromkeys(map(kind_of, algorithms)))
        self._schedule = KeySchedule(
            rotate_every=rotate_every,
            publish_ahead=publish_ahead,
            retire_after=retire_after,
        )
        self._changes = KeyChanges(schedule=self._schedule, kinds=self._kinds)
        self._file = KeyFile(path, protector=protector)
        self._clock = clock or SystemClock()
        self._view: KeyView | None = None
        self._looked_at: datetime | None = None

    def load(self) -> None:
        """Read the file, or make it; without, the first use does so.

        :raises ConfigurationError: If the file cannot be read, opened or made.
        """
        self._current(self._clock.now())

    def key_set(self) -> KeySet:
        """The keys to publish; those that sign come first and have private members.

        The same object, until something changes.

        :raises ConfigurationError: As :meth:`load`, and only if the file was never
            read: afterwards the ring goes on with what it has, and logs the error.
        """
        return self._current(self._clock.now()).key_set

    def statuses(self) -> tuple[SigningKeyStatus, ...]:
        """The keys without anything secret, the newest of each kind first."""
        now = self._clock.now()
        kept = self._schedule.kept(self._current(now).keys, now)
        by_age = sorted(kept, key=lambda key: (key.kind, key.signs_from))

        return tuple(self._status(key, now) for key in reversed(by_age))

    def rotate(
        self, algorithms: Collection[str] | None = None
    ) -> tuple[SigningKeyStatus, ...]:
        """Have new keys follow those that sign, as soon as they are published long enough.

        A key that waits for its turn is not made a second time: it begins earlier,
        if it can.

        :param algorithms: For which; default: for all that there are keys for.
        :returns: The keys that follow.
        :raises ValueError: If there is no key for one of the algorithms.
        """
        kinds = None if algorithms is None else {kind_of(each) for each in algorithms}

        return self._change(partial(self._changes.rotated, kinds=kinds))

    def add(self, algorithm: str) -> SigningKeyStatus:
        """Make the first key for an algorithm; it signs at once.

        :param algorithm: Such as ``"ES256"``.
        :raises ValueError: If there is a key for it already.
        :raises ConfigurationError: If the algorithm is unknown.
        """
        (first,) = self._change(partial(self._changes.added, kind=kind_of(algorithm)))

        return first

    def retire(self, key_id: str, *, at_once: bool = False) -> SigningKeyStatus:
        """Have a key sign no more; what it has signed verifies for ``retire_after``.

        :param key_id: Which.
        :param at_once: Whether its successor signs from now on, though clients may
            not have it yet. Default: as soon as it was published long enough.
        :returns: The key that follows; the key itself if it has retired already.
        :raises LookupError: If there is no such key.
        :raises ValueError: If it has not begun to sign.
        """
        (following,) = self._change(
            partial(self._changes.retired, key_id=key_id, at_once=at_once)
        )

        return following

    def remove(self, key_id: str, *, at_once: bool = False) -> None:
        """Have a key published no more: no token that it has signed verifies then.

        :param key_id: Which.
        :param at_once: Whether to remove also a key that signs, whose successor then
            signs from now on, or one that has not been retired for ``retire_after``:
            what to do when a key was stolen.
        :raises LookupError: If there is no such key.
        :raises ValueError: If the key is still needed.
        """
        self._change(partial(self._changes.removed, key_id=key_id, at_once=at_once))

    def _status(self, key: RingKey, now: datetime) -> SigningKeyStatus:
        return SigningKeyStatus(
            key_id=key.key_id,
            algorithms=algorithms_of_kind(key.kind),
            state=key.state(now),
            published_at=key.published_at,
            signs_from=key.signs_from,
            retired_at=key.retired_at,
            removed_from=self._schedule.removed_from(key),
        )

    def _change(
        self, change: Callable[[Keys, datetime], Change]
    ) -> tuple[SigningKeyStatus, ...]:
        self.load()

        try:
            with self._file.locked():
                now = self._clock.now()
                _, keys = self._file.read(now=now)
                changed, key_ids = change(self._schedule.kept(keys, now), now)
                self._file.write(changed)
                self._read(now)
        except OSError as error:
            raise self._unusable(error) from error

        statuses = {key.key_id: self._status(key, now) for key in changed}

        return tuple(statuses[key_id] for key_id in key_ids)

    def _current(self, now: datetime) -> KeyView:
        view = self._view or self._first_view(now)

        if self._looked_at is None or abs(now - self._looked_at) >= _LOOK_EVERY:
            self._looked_at = now
            view = self._look(view, now)

        if not view.holds(now):
            view = self._view = self._viewed(view.mark, view.keys, now)

        return view

    def _first_view(self, now: datetime) -> KeyView:
        try:
            if self._file.mark() is None:
                self._create(now)

            return self._read(now)
        except OSError as error:
            raise self._unusable(error) from error

    def _create(self, now: datetime) -> None:
        with self._file.locked():
            # Whoever waited for the lock finds the file, and makes no keys for it.
            if self._file.mark() is None:
                self._file.create([new_key(kind, now) for kind in self._kinds])

    def _look(self, view: KeyView, now: datetime) -> KeyView:
        try:
            if self._file.mark() != view.mark:
                view = self._read(now)

            if self._changes.is_due(view.keys, now):
                view = self._tidied(now) or view
        except (OSError, ConfigurationError) as error:
            # Better the keys of a moment ago than no sign-in.
            _logger.error("%s: %s", self._file.path, error)  # noqa: TRY400

        return view

    def _read(self, now: datetime) -> KeyView:
        mark, keys = self._file.read(now=now)
        view = self._view = self._viewed(mark, keys, now)

        return view

    def _viewed(self, mark: FileMark, keys: Keys, now: datetime) -> KeyView:
        return KeyView.of(mark, keys, schedule=self._schedule, now=now)

    def _tidied(self, now: datetime) -> KeyView | None:
        with self._file.locked(wait=False) as is_mine:
            # Somebody else is at it, and what comes of it is seen at the next look.
            if not is_mine:
                return None

            _, keys = self._file.read(now=now)

            if self._changes.is_due(keys, now):
                self._file.write(self._changes.tidied(keys, now))

            return self._read(now)

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"the signing keys cannot be kept in {self._file.path}: {error.strerror};"
            " give a path on a local disk where this process may write"
        )
