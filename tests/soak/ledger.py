"""What clients were told, request by request."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.sample.clients import claims_of

__all__ = ["Ledger", "Told", "token_in"]


@dataclass(eq=False, slots=True)
class Told:
    """One request to one client."""

    client_id: str
    session_id: str
    jti: str
    token: str
    #: When its last byte was there; a timestamp.
    began_at: float
    #: When the client had answered, or the provider had gone; a timestamp.
    ended_at: float | None = None
    #: The status that the client has sent.
    status: int | None = None


class Ledger:
    """Keeps every request of every client; shared by their threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: In the order in which they came.
        self.told: list[Told] = []
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    @contextmanager
    def writing(self, client_id: str, request: bytes) -> Iterator[tuple[Told, int]]:
        """Write down a request, and when the client is done with it.

        :param client_id: Who was told.
        :param request: What came.
        :returns: The entry, and how often the client had heard of this session.
        """
        token = token_in(request)
        claims = claims_of(token)

        with self._lock:
            told = Told(client_id, claims["sid"], claims["jti"], token, time.time())
            count = self._counts[client_id, told.session_id]
            self._counts[client_id, told.session_id] += 1
            self.told.append(told)

        try:
            yield told, count
        finally:
            told.ended_at = time.time()

    def by_delivery(self) -> dict[tuple[str, str], list[Told]]:
        """The requests of each client and session, in their order."""
        found: defaultdict[tuple[str, str], list[Told]] = defaultdict(list)

        for told in self.told:
            found[told.client_id, told.session_id].append(told)

        return found


def token_in(request: bytes) -> str:
    """The logout token of a request."""
    body = request.partition(b"\r\n\r\n")[2].decode("ascii")

    return parse_qs(body, strict_parsing=True)["logout_token"][0]
