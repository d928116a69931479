"""What is measured, in the order of the table."""

from __future__ import annotations

from ..row import Row
from . import fan_out
from . import hanging
from . import logout_response
from . import memory
from . import memory_in_flight
from . import over_http
from . import paging
from . import races
from . import sign_in
from . import signed_in
from . import sizes
from . import sweep
from . import tickets
from . import tls

__all__ = ["ROWS"]

#: Each row by its name, which is what the command takes.
ROWS: tuple[Row, ...] = (
    Row(
        "signed-in",
        "A signed-in request, on SQLite",
        signed_in.on_sqlite,
        is_pictured=True,
    ),
    Row(
        "signed-in-elsewhere",
        "A signed-in request, on other stores",
        signed_in.elsewhere,
    ),
    Row("over-http", "A signed-in request, over HTTP", over_http.share_of_bare),
    Row("sign-in", "A sign-in, durable", sign_in.sign_in),
    Row("add-client", "A client joins", sign_in.add_client),
    Row("parallel-changes", "Changes at the same time", races.lost_changes),
    Row("sign-out-race", "A sign-out that is overtaken", races.returned_sessions),
    Row("logout-response", "The answer to a logout", logout_response.response),
    Row("fan-out", "A thousand clients are told", fan_out.all_told, is_pictured=True),
    Row(
        "fan-out-otherwise",
        "A thousand clients are told, otherwise",
        fan_out.told_otherwise,
    ),
    Row("hanging", "Clients that hang", hanging.others_told),
    Row("tls", "A new TLS connection", tls.connection),
    Row(
        "memory-in-flight",
        "Memory of deliveries in flight",
        memory_in_flight.in_flight,
    ),
    Row("ticket", "A ticket, sealed and opened", tickets.seal_and_open),
    Row("memory", "Memory", memory.imported),
    Row("paging", "A page of a million sessions", paging.pages),
    Row("sweep", "A sweep", sweep.sweep),
    Row("sizes", "Bytes in the database", sizes.sizes),
)
