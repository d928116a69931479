"""What the provider keeps: people, and codes that are on their way."""

import time

import sqlalchemy as sa
from werkzeug.security import check_password_hash
from werkzeug.security import generate_password_hash

engine = sa.create_engine("sqlite:///provider.sqlite")
metadata = sa.MetaData()
people = sa.Table(
    "people",
    metadata,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("password", sa.String(200), nullable=False),
)
codes = sa.Table(
    "codes",
    metadata,
    sa.Column("code", sa.String(100), primary_key=True),
    sa.Column("client_id", sa.String(50), nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
)
# Checked when there is no such person, so that this takes as long.
_NOBODY = generate_password_hash("nobody")


def add_person(name, password):
    row = {"name": name, "password": generate_password_hash(password)}

    with engine.begin() as connection:
        connection.execute(sa.insert(people).values(row))


def is_password(name, password):
    wanted = sa.select(people.c.password).where(people.c.name == name)

    with engine.connect() as connection:
        kept = connection.scalar(wanted)

    return check_password_hash(kept or _NOBODY, password)


def save_code(code, client_id, details):
    row = {
        "code": code,
        "client_id": client_id,
        "expires_at": time.time() + 60,
        "details": details,
    }

    with engine.begin() as connection:
        connection.execute(sa.insert(codes).values(row))


def take_code(code, client_id):
    """What a code stands for; whoever asks first gets it, and nobody after that."""
    taken = (
        sa.delete(codes)
        .where(codes.c.code == code, codes.c.client_id == client_id)
        .where(codes.c.expires_at > time.time())
        .returning(codes.c.details)
    )

    with engine.begin() as connection:
        return connection.scalar(taken)
