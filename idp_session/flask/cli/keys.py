"""``flask idp-session keys …``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from ...adapters.key_ring import KeyRing
from ...errors import ConfigurationError
from ...models import SigningKeyStatus
from ..state import app_state
from .output import print_json
from .output import print_table
from .output import with_json

__all__ = ["key_commands"]


# One thumbprint in 64 begins with a hyphen, and is no option nevertheless.
_TAKES_KEY_ID = {"ignore_unknown_options": True}

key_commands = AppGroup("keys", help="The keys that sign ID tokens and logout tokens.")


@key_commands.command("list")
@with_json
def list_keys(*, as_json: bool) -> None:
    """List the keys, the newest of each kind first."""
    with _refusals():
        _print(_ring().statuses(), as_json=as_json)


@key_commands.command("rotate")
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    metavar="ALG",
    help="Only the keys for this one; may be repeated.",
)
@with_json
def rotate_keys(*, algorithms: tuple[str, ...], as_json: bool) -> None:
    """Publish new keys, which sign as soon as clients can have them."""
    with _refusals():
        _print(_ring().rotate(algorithms or None), as_json=as_json)


@key_commands.command("add")
@click.argument("algorithm")
@with_json
def add_key(*, algorithm: str, as_json: bool) -> None:
    """Make the first key for an algorithm; it signs at once."""
    with _refusals():
        _print([_ring().add(algorithm)], as_json=as_json)


@key_commands.command("retire", context_settings=_TAKES_KEY_ID)
@click.argument("key_id")
@click.option("--now", "at_once", is_flag=True, help="Do not wait for clients.")
@with_json
def retire_key(*, key_id: str, at_once: bool, as_json: bool) -> None:
    """Have another key sign instead; this one still verifies."""
    with _refusals():
        _print([_ring().retire(key_id, at_once=at_once)], as_json=as_json)


@key_commands.command("remove", context_settings=_TAKES_KEY_ID)
@click.argument("key_id")
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Though tokens may need it: the key was stolen.",
)
@with_json
def remove_key(*, key_id: str, at_once: bool, as_json: bool) -> None:
    """Publish a key no more; no token that it has signed verifies then."""
    with _refusals():
        ring = _ring()
        ring.remove(key_id, at_once=at_once)
        _print(ring.statuses(), as_json=as_json)


def _ring() -> KeyRing:
    keys = getattr(app_state().signer, "keys", None)

    if not isinstance(keys, KeyRing):
        raise click.ClickException(
            "this app does not keep its keys in a KeyRing; give"
            " KeySetTokenSigner(KeyRing(…)) to init_app, or let your own signer have"
            " the ring as its attribute 'keys'"
        )

    return keys


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (LookupError, ValueError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from error


def _print(keys: Iterable[SigningKeyStatus], *, as_json: bool) -> None:
    if as_json:
        print_json({"keys": [dataclasses.asdict(key) for key in keys]})
        return

    print_table(
        ("KEY", "ALGORITHMS", "STATE", "PUBLISHED", "SIGNS FROM", "RETIRED", "REMOVED"),
        [
            (
                key.key_id,
                ",".join(key.algorithms),
                key.state,
                key.published_at,
                key.signs_from,
                key.retired_at,
                key.removed_from,
            )
            for key in keys
        ],
    )
