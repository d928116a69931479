"""How long sessions last."""

from __future__ import annotations

from ..models import AuthenticationProperties
from ..models import Lifetime
from ..options import SessionOptions

__all__ = ["anonymous_lifetime", "lifetime_of"]


def lifetime_of(
    properties: AuthenticationProperties, options: SessionOptions
) -> Lifetime:
    """The lifetime of a sign-in: its own, or that of its kind.

    :param properties: What belongs to the sign-in.
    :param options: The settings.
    """
    if properties.lifetime is not None:
        return properties.lifetime

    if properties.persistent:
        return Lifetime(
            idle=options.remembered_idle_timeout,
            absolute=options.remembered_absolute_lifetime,
        )

    return Lifetime(idle=options.idle_timeout, absolute=options.absolute_lifetime)


def anonymous_lifetime(options: SessionOptions) -> Lifetime:
    """The lifetime of sessions in which nobody is signed in.

    :param options: The settings.
    """
    return Lifetime(
        idle=options.anonymous_idle_timeout,
        absolute=options.anonymous_absolute_lifetime,
    )
