"""When a signing key is published, signs, retires and goes; without any IO."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

from joserfc.jwk import Key

from ..errors import ConfigurationError
from ..models import SigningKeyState

__all__ = ["KeySchedule", "RingKey", "active_key", "of_kind", "with_successor"]

_LEAST = timedelta(minutes=1)
_LONGEST = timedelta(days=36500)


@dataclass(frozen=True, kw_only=True, slots=True)
class RingKey:
    """A key and its times; aware UTC."""

    key: Key
    #: Since when it is in the published set.
    published_at: datetime
    #: From when on it signs.
    signs_from: datetime
    #: When it stops, which is when its successor begins.
    retired_at: datetime | None = None

    @property
    def key_id(self) -> str:
        """Its ``kid``."""
        return str(self.key.kid)

    @property
    def kind(self) -> str:
        """Its ``kty``; of each kind one key signs."""
        return str(self.key.key_type)

    def state(self, now: datetime) -> SigningKeyState:
        """How far it is.

        :param now: The current instant.
        """
        if self.retired_at is not None and now >= self.retired_at:
            return SigningKeyState.RETIRED

        if now < self.signs_from:
            return SigningKeyState.NEW

        return SigningKeyState.ACTIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySchedule:
    """The durations of a key's life.

    :raises ConfigurationError: If they contradict each other.
    """

    rotate_every: timedelta | None
    publish_ahead: timedelta
    retire_after: timedelta

    def __post_init__(self) -> None:
        for name in ("publish_ahead", "retire_after"):
            if not _LEAST <= getattr(self, name) <= _LONGEST:
                raise ConfigurationError(f"{name} must be at least a minute")

        if self.rotate_every is not None and not (
            self.publish_ahead <= self.rotate_every <= _LONGEST
        ):
            raise ConfigurationError(
                "rotate_every must be at least as long as publish_ahead, so that each"
                " key is published before it signs"
            )

    def removed_from(self, key: RingKey) -> datetime | None:
        """When a key goes, ``None`` as long as nothing follows it."""
        return None if key.retired_at is None else key.retired_at + self.retire_after

    def kept(self, keys: Iterable[RingKey], now: datetime) -> tuple[RingKey, ...]:
        """The keys whose time is not over.

        :param keys: All of them.
        :param now: The current instant.
        """
        return tuple(key for key in keys if not self._is_over(key, now))

    def is_overdue(self, key: RingKey, now: datetime) -> bool:
        """Whether a key needs a successor now, to be published early enough.

        :param key: The newest of its kind.
        :param now: The current instant.
        """
        if self.rotate_every is None or key.retired_at is not None:
            return False

        return now - key.signs_from >= self.rotate_every - self.publish_ahead

    def begins_at(self, successor: RingKey, *, now: datetime) -> datetime:
        """The earliest instant at which a published key may sign.

        :param successor: The key.
        :param now: The current instant; a key that seems to be published later was
            published by a machine whose clock was wrong.
        """
        return max(now, min(successor.published_at, now) + self.publish_ahead)

    def follows_at(self, key: RingKey, *, now: datetime) -> datetime:
        """When the successor of an overdue key begins, if it is published now.

        :param key: The overdue key.
        :param now: The current instant.
        """
        age = self.rotate_every or timedelta(0)

        return max(key.signs_from + age, now + self.publish_ahead)

    def _is_over(self, key: RingKey, now: datetime) -> bool:
        end = self.removed_from(key)

        return end is not None and now >= end


def of_kind(keys: Iterable[RingKey], kind: str) -> tuple[RingKey, ...]:
    """The keys of one kind, in the order in which they sign.

    :param keys: All of them.
    :param kind: Which.
    """
    return tuple(
        sorted(
            (key for key in keys if key.kind == kind), key=lambda key: key.signs_from
        )
    )


def active_key(keys: Sequence[RingKey], now: datetime) -> RingKey:
    """The key that signs.

    :param keys: The keys of one kind, as :func:`of_kind` orders them.
    :param now: The current instant. Before the first key begins, by a clock that
        was set back, that one signs nevertheless.
    """
    active = [key for key in keys if key.state(now) is SigningKeyState.ACTIVE]

    return (active or keys[:1])[-1]


def with_successor(
    keys: Iterable[RingKey], successor: RingKey, *, at: datetime
) -> tuple[RingKey, ...]:
    """The keys when one of them, or a new one, follows those of its kind.

    :param keys: All of them.
    :param successor: Which one follows.
    :param at: When it begins to sign and the others stop.
    """
    others = (key for key in keys if key.key_id != successor.key_id)
    begins = dataclasses.replace(successor, signs_from=at, retired_at=None)

    return (*(_ended(key, begins) for key in others), begins)


def _ended(key: RingKey, successor: RingKey) -> RingKey:
    at = successor.signs_from

    if key.kind != successor.kind or (key.retired_at and key.retired_at <= at):
        return key

    return dataclasses.replace(key, retired_at=at)
