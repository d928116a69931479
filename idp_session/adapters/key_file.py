"""A sealed file of signing keys that several processes read and write."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from datetime import UTC
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ..errors import ConfigurationError
from ..ports import TicketProtector
from .forks import forget_after_fork
from .key_schedule import RingKey

__all__ = ["FileMark", "KeyFile"]

_PURPOSE = "signing-keys"
_TIMES = ("published_at", "signs_from", "retired_at")


@dataclass(frozen=True, slots=True)
class FileMark:
    """Tells one version of a file from another without reading it."""

    inode: int
    changed_at: int
    size: int


class KeyFile:
    """A JSON Web Key Set whose keys have times besides, sealed.

    A file without times, as versions before rotation wrote it, counts as written
    when its keys began to sign. A new version replaces the old one in one step:
    whoever reads sees one of them whole, whatever happens to the writer. Writers
    take turns by ``flock`` on a file beside it. On a network disk without working
    locks two writers may lose one of two changes, and nothing else.

    :param path: The file, or a link to it; readable by its owner only.
    :param protector: Seals and opens it.
    """

    def __init__(self, path: Path, *, protector: TicketProtector) -> None:
        self.path = path
        self._protector = protector
        self._held: set[int] = set()
        forget_after_fork(self)

    @property
    def _place(self) -> Path:
        # A link stays one: whoever has the file by its own name sees each change.
        return Path(os.path.realpath(self.path))

    def after_fork(self) -> None:
        """Let go of locks that the parent's threads hold."""
        for descriptor in self._held:
            os.close(descriptor)

        self._held.clear()

    def mark(self) -> FileMark | None:
        """Which version there is, ``None`` if there is no file."""
        try:
            return _mark(self.path.stat())
        except FileNotFoundError:
            return None

    def read(self, *, now: datetime) -> tuple[FileMark, tuple[RingKey, ...]]:
        """The keys.

        :param now: The current instant; a file without times is never younger.
        :raises FileNotFoundError: If there is no file.
        :raises ConfigurationError: If it cannot be opened or holds no keys.
        """
        with self.path.open("rb") as file:
            status = os.fstat(file.fileno())
            sealed = file.read()

        content = self._protector.open(sealed, purpose=_PURPOSE)

        if content is None:
            raise ConfigurationError(
                f"the signing keys in {self.path} cannot be opened; if SECRET_KEY has"
                " changed, add the old one to SECRET_KEY_FALLBACKS; otherwise restore"
                " the file, or remove it to have new keys, with which no token of the"
                " past verifies"
            )

        written_at = min(datetime.fromtimestamp(status.st_mtime, UTC), now)

        return _mark(status), self._parsed(content, written_at)

    def write(self, keys: Iterable[RingKey]) -> None:
        """Replace the file; only under the lock.

        :param keys: What is in it then.
        """
        self._remove_leftovers()
        name = self._written(keys)

        try:
            os.replace(name, self._place)
        except OSError:
            name.unlink()
            raise

        self._flush_folder()

    def create(self, keys: Iterable[RingKey]) -> None:
        """Make the file, unless it is there; it never replaces one.

        :param keys: What is in it then.
        """
        name = self._written(keys)

        try:
            # Unlike a rename, a link replaces nothing, even where no lock holds.
            os.link(name, self._place)
        except FileExistsError:
            return
        finally:
            name.unlink()

        self._flush_folder()

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Have one writer at a time, of all threads and processes.

        :param wait: Whether to wait for one's turn.
        :returns: Whether it is one's turn.
        """
        place = self._place
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = place.with_name(f".{place.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held.add(descriptor)

        try:
            yield _is_mine(descriptor, wait=wait)
        finally:
            # Said aloud: a child that was forked meanwhile has the descriptor too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self._held.discard(descriptor)
            os.close(descriptor)

    def _written(self, keys: Iterable[RingKey]) -> Path:
        content = json.dumps({"keys": [_member(key) for key in keys]}).encode()
        sealed = self._protector.seal(content, purpose=_PURPOSE)
        place = self._place
        descriptor, name = tempfile.mkstemp(
            dir=place.parent, prefix=f".{place.name}.", suffix=".new"
        )

        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())

        return Path(name)

    def _remove_leftovers(self) -> None:
        # Of writers that were killed; under the lock there is no other.
        place = self._place

        for leftover in place.parent.glob(f".{place.name}.*.new"):
            with contextlib.suppress(FileNotFoundError):
                leftover.unlink()

    def _flush_folder(self) -> None:
        folder = os.open(self._place.parent, os.O_RDONLY | os.O_CLOEXEC)

        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _parsed(self, content: bytes, written_at: datetime) -> tuple[RingKey, ...]:
        try:
            members = json.loads(content)["keys"]
            jwks = [{k: m[k] for k in m if k not in _TIMES} for m in members]
            keys = KeySet.import_key_set({"keys": jwks}).keys
            return tuple(
                RingKey(key=key, **_times(member, written_at))
                for key, member in zip(keys, members, strict=True)
            )
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{self.path} holds no signing keys; restore the file or remove it"
            ) from error


def _mark(status: os.stat_result) -> FileMark:
    return FileMark(status.st_ino, status.st_mtime_ns, status.st_size)


def _is_mine(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False

    return True


def _member(key: RingKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in _TIMES}

    return {
        **key.key.as_dict(private=True),
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def _times(member: Mapping[str, Any], written_at: datetime) -> dict[str, datetime]:
    given = {name: _instant(member[name]) for name in _TIMES if name in member}

    return {"published_at": written_at, "signs_from": written_at, **given}


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)

    if at.tzinfo is None:
        raise ValueError("an instant has a time zone")

    return at
