"""Sessions and deliveries in SQLite, PostgreSQL or MariaDB."""

from .engine import create_engine as create_engine
from .engine import create_sqlite_engine as create_sqlite_engine
from .outbox import SqlDeliveryQueue as SqlDeliveryQueue
from .schema import metadata as metadata
from .sessions import SqlSessionStore as SqlSessionStore
from .upgrades import current_revision as current_revision
from .upgrades import downgrade as downgrade
from .upgrades import head_revision as head_revision
from .upgrades import upgrade as upgrade

__all__ = [
    "SqlDeliveryQueue",
    "SqlSessionStore",
    "create_engine",
    "create_sqlite_engine",
    "current_revision",
    "downgrade",
    "head_revision",
    "metadata",
    "upgrade",
]
