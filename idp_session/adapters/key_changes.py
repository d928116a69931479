"""What may happen to the keys of a ring: keys go in, keys come out."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ..models import SigningKeyState
from .key_schedule import KeySchedule
from .key_schedule import of_kind
from .key_schedule import RingKey
from .key_schedule import with_successor
from .key_view import new_key

__all__ = ["Change", "KeyChanges", "Keys"]

#: All keys of a file.
Keys = tuple[RingKey, ...]

#: The keys afterwards, and the ids of those that it was about.
Change = tuple[Keys, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyChanges:
    """The changes that a schedule allows."""

    schedule: KeySchedule
    #: Of which kinds there should be keys.
    kinds: tuple[str, ...]

    def rotated(
        self, keys: Keys, now: datetime, *, kinds: Collection[str] | None
    ) -> Change:
        """Keys that follow those that sign.

        :param keys: All of them.
        :param now: The current instant.
        :param kinds: For which; ``None`` for all.
        :raises ValueError: If there is nothing to follow.
        """
        present = {key.kind for key in keys}
        followers = []

        for kind in sorted(present if kinds is None else kinds):
            if kind not in present:
                raise ValueError("there is no key to follow; add one")

            keys, successor = self._followed(keys, kind, now=now)
            followers.append(successor.key_id)

        return keys, tuple(followers)

    def added(self, keys: Keys, now: datetime, *, kind: str) -> Change:
        """The first key of a kind.

        :param keys: All of them.
        :param now: The current instant.
        :param kind: Which.
        :raises ValueError: If it is not the first.
        """
        if of_kind(keys, kind):
            raise ValueError("there is such a key already; rotate it")

        first = new_key(kind, now)

        return (*keys, first), (first.key_id,)

    def retired(
        self, keys: Keys, now: datetime, *, key_id: str, at_once: bool
    ) -> Change:
        """A key that follows this one.

        :param keys: All of them.
        :param now: The current instant.
        :param key_id: Which.
        :param at_once: Whether it signs from now on.
        :raises LookupError: If there is no such key.
        :raises ValueError: If the key has not begun to sign.
        """
        key = _found(keys, key_id)
        state = key.state(now)

        if state is SigningKeyState.NEW:
            raise ValueError("the key does not sign yet; remove it")

        if state is SigningKeyState.RETIRED:
            return keys, (key_id,)

        keys, successor = self._followed(keys, key.kind, now=now, at_once=at_once)

        return keys, (successor.key_id,)

    def removed(
        self, keys: Keys, now: datetime, *, key_id: str, at_once: bool
    ) -> Change:
        """The keys without one.

        :param keys: All of them.
        :param now: The current instant.
        :param key_id: Which.
        :param at_once: Whether though tokens may need it.
        :raises LookupError: If there is no such key.
        :raises ValueError: If tokens may need it.
        """
        key = _found(keys, key_id)
        state = key.state(now)

        if state is SigningKeyState.NEW:
            return _without_new(keys, key), ()

        if not at_once:
            raise ValueError(
                f"the key is {state} and tokens that it has signed may be in use; if"
                " it was stolen, remove it at once"
            )

        if state is SigningKeyState.ACTIVE and self._is_wanted(keys, key):
            keys, _ = self._followed(keys, key.kind, now=now, at_once=True)

        return tuple(each for each in keys if each.key_id != key_id), ()

    def is_due(self, keys: Keys, now: datetime) -> bool:
        """Whether time demands a change.

        :param keys: All of them.
        :param now: The current instant.
        """
        return (
            self.schedule.kept(keys, now) != keys
            or bool(self._missing(keys))
            or bool(self._overdue(keys, now))
        )

    def tidied(self, keys: Keys, now: datetime) -> Keys:
        """The keys after what time demands: some go, some come.

        :param keys: All of them.
        :param now: The current instant.
        """
        keys = self.schedule.kept(keys, now)

        for key in self._overdue(keys, now):
            at = self.schedule.follows_at(key, now=now)
            keys = with_successor(keys, new_key(key.kind, now), at=at)

        return (*keys, *(new_key(kind, now) for kind in self._missing(keys)))

    def _followed(
        self, keys: Keys, kind: str, *, now: datetime, at_once: bool = False
    ) -> tuple[Keys, RingKey]:
        last = of_kind(keys, kind)[-1]
        waits = last.state(now) is SigningKeyState.NEW
        successor = last if waits else new_key(kind, now)
        at = now if at_once else self.schedule.begins_at(successor, now=now)

        # The others stop when it was to begin: never later than that.
        if waits:
            at = min(at, last.signs_from)

        return with_successor(keys, successor, at=at), successor

    def _is_wanted(self, keys: Keys, key: RingKey) -> bool:
        return key.kind in self.kinds or len(of_kind(keys, key.kind)) > 1

    def _overdue(self, keys: Keys, now: datetime) -> list[RingKey]:
        newest = (of_kind(keys, kind)[-1] for kind in sorted({k.kind for k in keys}))

        return [key for key in newest if self.schedule.is_overdue(key, now)]

    def _missing(self, keys: Keys) -> list[str]:
        return [kind for kind in self.kinds if not of_kind(keys, kind)]


def _found(keys: Keys, key_id: str) -> RingKey:
    for key in keys:
        if key.key_id == key_id:
            return key

    raise LookupError("there is no such key")


def _without_new(keys: Keys, new: RingKey) -> Keys:
    # What it was to follow goes on.
    return tuple(
        dataclasses.replace(key, retired_at=None)
        if key.kind == new.kind and key.retired_at == new.signs_from
        else key
        for key in keys
        if key.key_id != new.key_id
    )
