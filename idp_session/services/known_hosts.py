"""Where clients were when something was last sent to them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["KnownHosts"]

# Beyond so many clients it starts to learn anew: a claim names those of full hosts.
_AT_MOST = 10_000


class KnownHosts:
    """Which host each client has, so that a claim can tell without asking for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, str | None] = {}

    def known(self) -> Mapping[str, str | None]:
        """The host of each client, ``None`` for those to whom nothing is sent."""
        with self._lock:
            return dict(self._hosts)

    def learn(self, client_id: str, uri: str) -> str:
        """Keep where a client is now.

        :param client_id: Which.
        :param uri: Its back-channel logout URI.
        :returns: The host, in small letters; the URI itself if it has none.
        """
        host = _host_of(uri)
        self._keep(client_id, host)

        return host

    def forget(self, client_id: str) -> None:
        """Keep that nothing is sent to a client.

        :param client_id: Which.
        """
        self._keep(client_id, None)

    def _keep(self, client_id: str, host: str | None) -> None:
        with self._lock:
            if len(self._hosts) >= _AT_MOST:
                self._hosts.clear()

            self._hosts[client_id] = host


@functools.lru_cache(maxsize=_AT_MOST)
def _host_of(uri: str) -> str:
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        host = None

    return host.rstrip(".") if host else uri
