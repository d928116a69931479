"""``flask idp-session db …``."""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from ...errors import ConfigurationError
from ...stores.sql import current_revision
from ...stores.sql import head_revision
from ...stores.sql import upgrade
from ...stores.sql.upgrades import is_known
from ..state import app_state
from .output import print_json
from .output import with_json

__all__ = ["database_commands"]

database_commands = AppGroup("db", help="The tables of the package.")


@database_commands.command("upgrade")
@with_json
def upgrade_database(*, as_json: bool) -> None:
    """Create or migrate the tables; safe to run on several nodes at once."""
    engine = _engine()
    _make_folder(engine.url)

    try:
        upgrade(engine)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error

    if as_json:
        print_json({"revision": head_revision()})
    else:
        click.echo(f"the tables are at revision {head_revision()}")


@database_commands.command("current")
@with_json
def show_revision(*, as_json: bool) -> None:
    """Show which revision the tables are at, and fail if it is not the newest."""
    current = current_revision(_engine())

    if as_json:
        print_json({"revision": current, "newest": head_revision()})
    else:
        click.echo(f"{current or 'no tables'} (newest: {head_revision()})")

    if not is_known(current):
        raise click.ClickException(
            "a newer version of idp_session made the tables; install that one"
        )

    if current != head_revision():
        raise click.ClickException("run 'flask idp-session db upgrade'")


def _make_folder(url: sa.URL) -> None:
    # The instance folder, where the default database is, is made by nobody else.
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _engine() -> sa.Engine:
    engine = app_state().engine

    if engine is None:
        raise click.ClickException("this app keeps its sessions in a store of its own")

    return engine
