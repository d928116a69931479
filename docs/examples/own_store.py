"""A session store of one's own: the one in the database, with its reads timed."""

import time

from idp_session.stores.sql import SqlSessionStore


class TimedSessionStore(SqlSessionStore):
    def __init__(self, engine, *, report):
        super().__init__(engine)
        self._report = report

    def get(self, key):
        began = time.perf_counter()

        try:
            return super().get(key)
        finally:
            self._report(time.perf_counter() - began)
