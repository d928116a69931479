"""What a version of the key file means at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from joserfc.jwk import generate_key
from joserfc.jwk import import_key
from joserfc.jwk import Key
from joserfc.jwk import KeySet

from ..errors import ConfigurationError
from .key_file import FileMark
from .key_schedule import active_key
from .key_schedule import KeySchedule
from .key_schedule import of_kind
from .key_schedule import RingKey

__all__ = ["KeyView", "algorithms_of_kind", "kind_of", "new_key"]

#: What kind of key each algorithm needs; one RSA key serves both of its own.
_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def kind_of(algorithm: str) -> str:
    """The ``kty`` of the keys for an algorithm.

    :param algorithm: Such as ``"ES256"``.
    :raises ConfigurationError: If there are no keys for it.
    """
    try:
        return _KINDS[algorithm]
    except KeyError:
        raise ConfigurationError(
            f"there are no keys for {algorithm}; choose from {', '.join(_KINDS)}"
        ) from None


def algorithms_of_kind(kind: str) -> tuple[str, ...]:
    """What a kind of key can sign with.

    :param kind: Its ``kty``.
    """
    return tuple(name for name in _KINDS if _KINDS[name] == kind)


def new_key(kind: str, now: datetime) -> RingKey:
    """A key that nobody has had before, and that signs from now on.

    :param kind: Its ``kty``.
    :param now: The current instant.
    """
    key = _generated(kind)
    key.ensure_kid()

    return RingKey(key=key, published_at=now, signs_from=now)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyView:
    """What is in the file, and what of it holds between two instants."""

    mark: FileMark
    keys: tuple[RingKey, ...]
    key_set: KeySet
    holds_from: datetime | None
    holds_until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether nothing has begun or ended since the view was made.

        :param now: The current instant.
        """
        return (self.holds_from is None or self.holds_from <= now) and (
            self.holds_until is None or now < self.holds_until
        )

    @classmethod
    def of(
        cls,
        mark: FileMark,
        keys: tuple[RingKey, ...],
        *,
        schedule: KeySchedule,
        now: datetime,
    ) -> Self:
        """The view of a version of the file.

        :param mark: Which version.
        :param keys: What is in it.
        :param schedule: The durations.
        :param now: The current instant.
        """
        edges = [edge for key in keys for edge in _edges(key, schedule)]

        return cls(
            mark=mark,
            keys=keys,
            key_set=_key_set(schedule.kept(keys, now), now),
            holds_from=max((edge for edge in edges if edge <= now), default=None),
            holds_until=min((edge for edge in edges if edge > now), default=None),
        )


def _edges(key: RingKey, schedule: KeySchedule) -> Iterable[datetime]:
    edges = (key.signs_from, key.retired_at, schedule.removed_from(key))

    return (edge for edge in edges if edge is not None)


def _key_set(keys: tuple[RingKey, ...], now: datetime) -> KeySet:
    present = {key.kind for key in keys}
    kinds = [kind for kind in dict.fromkeys(_KINDS.values()) if kind in present]
    active = [active_key(of_kind(keys, kind), now) for kind in kinds]
    others = [key for key in keys if key not in active]

    # Without its private members a key is published and verifies, and cannot sign.
    return KeySet([*(key.key for key in active), *map(_public, others)])


def _public(key: RingKey) -> Key:
    return import_key(key.key.as_dict(private=False))


def _generated(kind: str) -> Key:
    if kind == "RSA":
        return generate_key("RSA", 2048, {"use": "sig"})

    if kind == "EC":
        return generate_key("EC", "P-256", {"use": "sig"})

    return generate_key("OKP", "Ed25519", {"use": "sig"})
