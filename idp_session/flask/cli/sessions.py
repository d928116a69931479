"""``flask idp-session sessions …``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from datetime import UTC
from typing import Any
from typing import TypeVar

import click
from flask.cli import AppGroup

from ...errors import NotInCookieModeError
from ...models import LogoutReason
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionPage
from ..state import app_state
from .delivering import deliveries_finished
from .output import counted
from .output import print_details
from .output import print_json
from .output import print_table
from .output import with_json

__all__ = ["session_commands"]

_C = TypeVar("_C", bound=Callable[..., Any])

#: What is shown of a session: neither its key nor its ticket.
_MEMBERS = (
    "session_id",
    "subject_id",
    "display_name",
    "created_at",
    "authenticated_at",
    "renewed_at",
    "expires_at",
    "absolute_expires_at",
    "ip_address",
    "user_agent",
)


class _SessionCommands(AppGroup):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NotInCookieModeError as error:
            raise click.ClickException(str(error)) from None


session_commands = _SessionCommands("sessions", help="Find, list and end sessions.")


def _instant(value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            "write it like 2026-01-31 or 2026-01-31T12:00:00+01:00; without an "
            "offset it is UTC"
        ) from None

    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _attribute(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")

    if not separator:
        raise click.BadParameter("write it like tenant=acme")

    return name, value


_FILTER = (
    click.option("--subject", "subject_id", metavar="ID", help="Whose."),
    click.option("--session", "session_id", metavar="ID", help="Which one."),
    click.option("--client", "client_id", metavar="ID", help="Who takes part."),
    click.option("--name", "display_name", metavar="TEXT", help="How the name begins."),
    click.option(
        "--created-after", type=_instant, metavar="INSTANT", help="Began then or later."
    ),
    click.option(
        "--created-before", type=_instant, metavar="INSTANT", help="Began before."
    ),
    click.option("--attribute", type=_attribute, metavar="NAME=VALUE", help="Has it."),
    click.option("--anonymous", is_flag=True, help="Nobody is signed in there."),
)


def _with_filter(command: _C) -> _C:
    for option in reversed(_FILTER):
        command = option(command)

    return command


@session_commands.command("list")
@_with_filter
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Where to go on, as another list has said.")
@with_json
def list_sessions(
    *, limit: int, cursor: str | None, as_json: bool, **conditions: Any
) -> None:
    """List sessions, newest first; those that meet every condition."""
    try:
        page = app_state().management.query(
            SessionFilter(**conditions), limit=limit, cursor=cursor
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    if as_json:
        print_json(
            {
                "sessions": [_as_json(session) for session in page.sessions],
                "next": page.next,
                "previous": page.previous,
                "estimate": page.estimate,
                "estimate_is_lower_bound": page.estimate_is_lower_bound,
            }
        )
    else:
        _print_page(page)


@session_commands.command("show")
@click.argument("session_id")
@with_json
def show_session(*, session_id: str, as_json: bool) -> None:
    """Show a session and who takes part in it."""
    management = app_state().management
    session = management.get(session_id)

    if session is None:
        raise click.ClickException("there is no such session")

    participants = management.participants(session_id)

    if as_json:
        found = [dataclasses.asdict(each) for each in participants]
        print_json({**_as_json(session), "participants": found})
        return

    print_details(
        {name.replace("_", " "): each for name, each in _as_json(session).items()}
    )
    click.echo()
    print_table(
        ("CLIENT", "JOINED", "SUBJECT", "ISSUER"),
        [
            (each.client_id, each.joined_at, each.subject, each.issuer)
            for each in participants
        ],
    )


@session_commands.command("end")
@_with_filter
@click.option(
    "--except", "except_session_id", metavar="ID", help="The session that goes on."
)
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in LogoutReason]),
    default=LogoutReason.ADMIN.value,
    show_default=True,
    help="What is noted as the reason.",
)
@click.option(
    "--only-for",
    "client_ids",
    metavar="CLIENT",
    multiple=True,
    help="End them for this client only: it leaves, and the rest goes on. Repeatable.",
)
@click.option("--without-notification", is_flag=True, help="Do not tell the clients.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_json
def end_sessions(
    *,
    client_ids: tuple[str, ...],
    without_notification: bool,
    yes: bool,
    as_json: bool,
    reason: str,
    except_session_id: str | None,
    **conditions: Any,
) -> None:
    """End the sessions that meet every condition; their clients are told."""
    wanted = SessionFilter(**conditions)

    if wanted.is_empty:
        raise click.UsageError("say which sessions, for example with --subject")

    if not yes:
        _confirm(wanted, client_ids, notify=not without_notification)

    management = app_state().management
    how: dict[str, Any] = {
        "reason": LogoutReason(reason),
        "except_session_id": except_session_id,
        "notify": not without_notification,
    }

    with deliveries_finished():
        if client_ids:
            done = management.end_for_clients(wanted, client_ids=client_ids, **how)
        else:
            done = management.end(wanted, **how)

    if as_json:
        print_json({"left" if client_ids else "ended": done})
    elif client_ids:
        click.echo(f"{done} times a client left a session")
    else:
        click.echo(f"{counted(done, 'session', 'sessions')} ended")


def _confirm(
    wanted: SessionFilter, client_ids: tuple[str, ...], *, notify: bool
) -> None:
    found = _count(app_state().management.query(wanted, limit=1))
    which = f" for {', '.join(client_ids)} only" if client_ids else ""
    told = "and tell" if notify else "without telling"
    click.confirm(f"End {found}{which} {told} the clients?", abort=True, err=True)


def _print_page(page: SessionPage) -> None:
    print_table(
        ("SESSION", "SUBJECT", "NAME", "BEGAN", "LAST RENEWED", "ENDS"),
        [
            (
                each.session_id,
                each.subject_id,
                each.display_name,
                each.created_at,
                each.renewed_at,
                each.expires_at,
            )
            for each in page.sessions
        ],
    )
    click.echo(f"\n{_count(page)}", err=True)

    for label, cursor in (("older", page.next), ("newer", page.previous)):
        if cursor is not None:
            click.echo(f"{label}: --cursor {cursor}", err=True)


def _count(page: SessionPage) -> str:
    more = "more than " if page.estimate_is_lower_bound else ""

    return f"{more}{counted(page.estimate, 'session', 'sessions')}"


def _as_json(session: ServerSideSession) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _MEMBERS}
