"""The data of a session: named JSON values, read lazily and written once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ..ports import SessionStore
from ..ports import TicketProtector
from .json_values import checked_text
from .json_values import to_json

__all__ = ["DataService", "DefaultSessionData"]

_logger = logging.getLogger(__name__)

_PURPOSE = "data"
_LONGEST_NAME = 255


class DataService:
    """Keeps the data of sessions in a store, sealed for one session and name each.

    :param store: Where it is kept.
    :param protector: Who encrypts.
    """

    def __init__(self, *, store: SessionStore, protector: TicketProtector) -> None:
        self._store = store
        self._protector = protector

    def read(self, session_id: str) -> dict[str, str]:
        """All values of a session, as JSON; those that no key opens are left out.

        :param session_id: The session.
        """
        opened = {
            name: self._opened(session_id, name, sealed)
            for name, sealed in self._store.read_data(session_id).items()
        }

        return {name: text for name, text in opened.items() if text is not None}

    def write(
        self, session_id: str, *, changed: Mapping[str, str], removed: Collection[str]
    ) -> None:
        """Change some values of a session.

        :param session_id: The session.
        :param changed: What to keep, as JSON, by name.
        :param removed: The names to forget.
        :raises SessionGoneError: If the session has ended.
        """
        sealed = {
            name: self._sealed(session_id, name, text.encode())
            for name, text in changed.items()
        }
        self._store.write_data(session_id, changed=sealed, removed=removed)

    def resealing(
        self, session_id: str, *, to: str
    ) -> Callable[[str, bytes], bytes | None]:
        """What makes a sealed value of one session one of another session.

        :param session_id: The session in which the values open.
        :param to: The session in which they open afterwards.
        """

        def reseal(name: str, sealed: bytes) -> bytes | None:
            text = self._opened(session_id, name, sealed)

            return None if text is None else self._sealed(to, name, text.encode())

        return reseal

    def _sealed(self, session_id: str, name: str, plaintext: bytes) -> bytes:
        return self._protector.seal(
            plaintext, purpose=_PURPOSE, context=_context(session_id, name)
        )

    def _opened(self, session_id: str, name: str, sealed: bytes) -> str | None:
        plaintext = self._protector.open(
            sealed, purpose=_PURPOSE, context=_context(session_id, name)
        )

        if plaintext is None:
            _logger.warning("no key opens the value %r of session %s", name, session_id)
            return None

        return plaintext.decode()


class DefaultSessionData:
    """The :class:`.SessionData` of one request.

    :param load: Reads what is kept, as JSON by name; called when first needed.
    :param before_change: Raises if nothing could be kept.
    """

    def __init__(
        self,
        load: Callable[[], Mapping[str, str]],
        *,
        before_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._load = load
        self._before_change = before_change
        self._loaded: Mapping[str, str] | None = None
        # ``None`` stands for a value that is to be forgotten.
        self._pending: dict[str, str | None] = {}

    @property
    def changed(self) -> bool:
        # Without a change nobody has to be asked what is kept.
        return bool(self._pending and self.changes())

    @property
    def pending(self) -> bool:
        """Whether something was set or removed here, even to what is kept already."""
        return bool(self._pending)

    def get(self, name: str, default: Any = None) -> Any:
        text = self._current().get(name)

        return default if text is None else json.loads(text)

    def set(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, values: Mapping[str, Any]) -> None:
        changes = {
            checked_text(name, at_most=_LONGEST_NAME): to_json(name, value)
            for name, value in values.items()
        }
        self._before_change()
        # Whose data it is, is settled now: what ends before it is saved ends with it.
        self._kept()
        self._pending |= changes

    def remove(self, name: str) -> None:
        self._pending[name] = None

    def clear(self) -> None:
        self._pending = dict.fromkeys(self._kept())

    def __contains__(self, name: object) -> bool:
        return name in self._current()

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def changes(self) -> dict[str, str | None]:
        """What differs from what is kept, as JSON by name; ``None`` is to be removed."""
        kept = self._kept()

        return {
            name: text for name, text in self._pending.items() if kept.get(name) != text
        }

    def reload(self) -> None:
        """Read again what is kept, when it is needed; what was changed stays so."""
        self._loaded = None

    def reset(self) -> None:
        """Read again what is kept, when it is needed; what was changed is forgotten."""
        self._loaded = None
        self._pending = {}

    def _kept(self) -> Mapping[str, str]:
        if self._loaded is None:
            self._loaded = self._load()

        return self._loaded

    def _current(self) -> dict[str, str]:
        merged = {**self._kept(), **self._pending}

        return {name: text for name, text in merged.items() if text is not None}


def _context(session_id: str, name: str) -> str:
    return json.dumps((session_id, name))
