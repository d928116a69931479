"""Looks at an app that is set up, and says what to change."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import sqlalchemy as sa

from ...models import Client
from .clients import check_client
from .clients import listed_clients
from .configuration import check_debugging
from .configuration import check_hosts
from .configuration import check_proxy
from .configuration import check_secrets
from .cookies import check_check_session_cookie
from .cookies import check_handle_cookie
from .database import check_database
from .deliveries import check_deliveries
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import FindingLevel
from .findings import ok
from .findings import warning
from .issuer import check_issuer
from .issuer import check_published
from .keys import check_keys

__all__ = ["CHECKS", "Examined", "Finding", "FindingLevel", "check_clients"]

#: What is looked at once for an app, in this order.
CHECKS: tuple[Callable[[Examined], Iterator[Finding]], ...] = (
    check_secrets,
    check_debugging,
    check_issuer,
    check_hosts,
    check_proxy,
    check_handle_cookie,
    check_check_session_cookie,
    check_database,
    check_keys,
    check_published,
    check_deliveries,
)


def check_clients(
    examined: Examined, *, follow: Callable[[Sequence[Client]], Iterable[Client]]
) -> list[Finding]:
    """What is to say of the clients; of those that are fine one finding for all.

    :param examined: What is looked at.
    :param follow: Gives them back one after the other; a progress bar, for example.
    """
    try:
        listed = listed_clients(examined.state.clients)
        clients = None if listed is None else list(listed)
    except sa.exc.SQLAlchemyError as failure:
        return [
            error(
                "clients",
                f"They cannot be listed: {type(failure).__name__}.",
                "Repair the database that they are in.",
            )
        ]

    if clients is None:
        return [
            warning(
                "clients",
                "They were not looked at: what knows them does not list them.",
                "Give it a method all_clients, as in the port ClientDirectory; "
                "'flask idp-session check-client' looks at one of them.",
            )
        ]

    findings = [
        finding for each in follow(clients) for finding in check_client(examined, each)
    ]
    bad = [each for each in findings if each.level is not FindingLevel.OK]
    fine = len(findings) - len(bad)

    return [
        ok("clients", f"{fine} of {len(clients)} clients are as they should be."),
        *bad,
    ]
