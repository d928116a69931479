"""``flask idp-session …``."""

from __future__ import annotations

from flask.cli import AppGroup

from .check_client import check_client
from .database import database_commands
from .deliveries import delivery_commands
from .delivering import deliver
from .delivering import deliver_until
from .delivering import sweep
from .doctor import doctor
from .keys import key_commands
from .sessions import session_commands

__all__ = ["commands", "deliver_until"]

commands = AppGroup("idp-session", help="Sessions and logout notifications.")

commands.add_command(database_commands)
commands.add_command(session_commands)
commands.add_command(delivery_commands)
commands.add_command(key_commands)
commands.add_command(check_client)
commands.add_command(deliver)
commands.add_command(sweep)
commands.add_command(doctor)
