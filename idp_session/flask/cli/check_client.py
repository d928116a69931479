"""``flask idp-session check-client``."""

from __future__ import annotations

import dataclasses

import click
from flask.cli import with_appcontext

from ...services.client_check import CheckOutcome
from ...services.client_check import ClientCheck
from ...services.client_check import ClientCheckService
from ..defaults import address_policy
from ..state import app_state
from .check_words import explain
from .output import print_details
from .output import print_json
from .output import printable
from .output import with_json

__all__ = ["check_client"]

# 2 is wrong usage.
_EXIT_CODES = {
    CheckOutcome.ACCEPTED: 0,
    CheckOutcome.UNKNOWN_CLIENT: 1,
    CheckOutcome.NO_URI: 1,
    CheckOutcome.NO_TOKEN: 1,
    CheckOutcome.NOT_ACCEPTED: 3,
    CheckOutcome.NO_ANSWER: 4,
}


@click.command("check-client")
@click.argument("client_id", metavar="CLIENT")
@with_json
@click.pass_context
@with_appcontext
def check_client(context: click.Context, *, client_id: str, as_json: bool) -> None:
    """Send CLIENT a logout token for a session that does not exist.

    Nobody is signed out. Exits with 0 if the client takes it, 3 if it answers
    otherwise, 4 if there is no answer, and 1 if it cannot be asked: it is unknown,
    has no back-channel logout URI, or no token can be signed for it.
    """
    state = app_state()
    check = ClientCheckService(
        clients=state.clients,
        signer=state.signer,
        encrypter=state.encrypter,
        sender=state.sender,
        clock=state.clock,
        options=state.options,
    ).check(client_id)
    explanation = explain(check, address_policy(state.options, is_logged=False))

    if as_json:
        print_json({**dataclasses.asdict(check), "explanation": explanation})
    else:
        _print(check, explanation)

    context.exit(_EXIT_CODES[check.outcome])


def _print(check: ClientCheck, explanation: str) -> None:
    seconds = check.latency and f"{check.latency.total_seconds():.3f} s"
    details = {
        "client": check.client_id,
        "address": check.uri,
        "signed by": check.algorithm,
        "key": check.key_id,
        "outcome": check.outcome.replace("_", " "),
        "status": check.status,
        "failure": check.failure,
        "took": seconds,
        "body": check.excerpt or None,
    }
    print_details({name: each for name, each in details.items() if each is not None})
    click.echo(f"\n{printable(explanation)}")
