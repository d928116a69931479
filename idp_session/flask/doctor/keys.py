"""Looks at the keys that sign ID tokens and logout tokens."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from datetime import timedelta

from ...adapters.key_ring import KeyRing
from ...errors import ConfigurationError
from ...models import SigningKeyState
from ...models import SigningKeyStatus
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_keys"]

_OLD = timedelta(days=400)


def check_keys(examined: Examined) -> Iterator[Finding]:
    """Whether there are keys that sign, and none of them is old.

    :param examined: What is looked at.
    """
    keys = getattr(examined.state.signer, "keys", None)

    if not isinstance(keys, KeyRing):
        yield warning(
            "signing keys",
            "They are not in a KeyRing, so their age and their successors are not known.",
            "Replace them once a year yourself, published ahead of their use; or give "
            "KeySetTokenSigner(KeyRing(…)) to init_app.",
        )
        return

    try:
        statuses = keys.statuses()
    except ConfigurationError as failure:
        yield error(
            "signing keys",
            f"{str(failure).rstrip('.')}.",
            "Repair that; without keys nobody can sign in.",
        )
        return

    yield from _age_findings(examined, statuses)


def _age_findings(
    examined: Examined, statuses: Sequence[SigningKeyStatus]
) -> Iterator[Finding]:
    active = [key for key in statuses if key.state is SigningKeyState.ACTIVE]
    now = examined.state.clock.now()

    for key in active:
        if now - key.signs_from > _OLD:
            yield warning(
                "signing keys",
                f"The key {key.key_id} for {', '.join(key.algorithms)} has signed for "
                f"{(now - key.signs_from).days} days.",
                "Run 'flask idp-session keys rotate', or give the KeyRing a "
                "rotate_every.",
            )

    algorithms = ", ".join(name for key in active for name in key.algorithms)

    if active:
        yield ok("signing keys", f"There are keys that sign, for {algorithms}.")
    else:
        yield error(
            "signing keys",
            "No key signs.",
            "Run 'flask idp-session keys add RS256'.",
        )
