"""``flask idp-session deliveries …``."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import click
from flask.cli import AppGroup

from ...models import Delivery
from ...models import DeliveryState
from ..state import app_state
from .delivering import deliveries_finished
from .delivery_words import what_happened
from .output import counted
from .output import followed
from .output import print_details
from .output import print_json
from .output import print_table
from .output import with_json

__all__ = ["delivery_commands"]


delivery_commands = AppGroup(
    "deliveries", help="Logout notifications that are or were owed to clients."
)


@delivery_commands.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only those in this state.",
)
@click.option("--client", "client_id", metavar="ID", help="Only those to this client.")
@click.option("--session", "session_id", metavar="ID", help="Only those of this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", "before_id", type=int, metavar="ID", help="Where to go on.")
@with_json
def list_deliveries(
    *,
    state: str | None,
    client_id: str | None,
    session_id: str | None,
    limit: int,
    before_id: int | None,
    as_json: bool,
) -> None:
    """List deliveries, newest first."""
    found = app_state().deliveries.query(
        state=None if state is None else DeliveryState(state),
        client_id=client_id,
        session_id=session_id,
        limit=limit,
        before_id=before_id,
    )
    # A full list may go on.
    older = found[-1].id if len(found) == limit else None

    if as_json:
        print_json(
            {"deliveries": [dataclasses.asdict(d) for d in found], "next": older}
        )
        return

    print_table(
        ("ID", "CLIENT", "STATE", "ATTEMPTS", "OUTCOME", "OWED SINCE", "SESSION"),
        [
            (
                each.id,
                each.client_id,
                each.state,
                each.attempts,
                _outcome(each),
                each.created_at,
                each.session_id,
            )
            for each in found
        ],
    )

    if older is not None:
        click.echo(f"\nolder: --before {older}", err=True)


@delivery_commands.command("show")
@click.argument("delivery_id", type=int)
@with_json
def show_delivery(*, delivery_id: int, as_json: bool) -> None:
    """Show a delivery, and what has happened to it."""
    delivery = app_state().deliveries.get(delivery_id)

    if delivery is None:
        raise click.ClickException("there is no such delivery")

    members = dataclasses.asdict(delivery)

    if as_json:
        print_json({**members, "what_happened": what_happened(delivery)})
    else:
        print_details({name.replace("_", " "): members[name] for name in members})
        click.echo(f"\n{what_happened(delivery)}")


@delivery_commands.command("retry")
@click.argument("delivery_ids", type=int, nargs=-1, required=True)
@with_json
def retry_deliveries(*, delivery_ids: tuple[int, ...], as_json: bool) -> None:
    """Try deliveries again that are expired, failed or refused.

    Fails if one of them is something else; the others are tried nevertheless.
    """
    service = app_state().deliveries

    with deliveries_finished():
        wanted = followed(dict.fromkeys(delivery_ids), "Trying again")
        done = {each: service.retry(each) for each in wanted}

    if as_json:
        print_json(_retried(done))
    else:
        for delivery_id, retried in done.items():
            answer = "is tried again" if retried else "cannot be tried again"
            click.echo(f"{delivery_id} {answer}")

    if not all(done.values()):
        raise click.exceptions.Exit(1)


@delivery_commands.command("purge")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0, 36500),
    metavar="DAYS",
    help="How long they must have been over; else IDP_SESSION_DELIVERY_RETENTION.",
)
@with_json
def purge_deliveries(*, days: int | None, as_json: bool) -> None:
    """Forget deliveries that were over long ago; never those that are owed."""
    state = app_state()
    retention = state.options.delivery_retention
    older_than = retention if days is None else timedelta(days=days)
    forgotten = state.deliveries.purge(older_than=older_than)

    if as_json:
        print_json({"forgotten": forgotten})
    else:
        click.echo(f"{counted(forgotten, 'delivery', 'deliveries')} forgotten")


def _outcome(delivery: Delivery) -> object:
    # A status is more than the word "status" that goes with it.
    return delivery.last_status or delivery.last_error


def _retried(done: dict[int, bool]) -> dict[str, Any]:
    return {
        "retried": [each for each, retried in done.items() if retried],
        "not_retried": [each for each, retried in done.items() if not retried],
    }
