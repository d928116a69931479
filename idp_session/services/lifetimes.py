"""How long sessions last."""

from __future__ import annotations

from ..models import AuthenticationProperties
from ..models import Lifetime
from ..options import SessionOptions

__all__ = ["anonymous_lifetime", "check_lifetime", "lifetime_of"]


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


def check_lifetime(
    properties: AuthenticationProperties, options: SessionOptions
) -> None:
    """Refuse a lifetime of its own that a sign-in cannot have.

    :param properties: What belongs to the sign-in.
    :param options: The settings.
    :raises ValueError: If a cookie would open for longer than it is remembered that
        its session has ended.
    """
    lifetime = properties.lifetime

    if lifetime is None or options.tickets != "cookie":
        return

    if min(lifetime.idle, lifetime.absolute) > options.delivery_retention:
        raise ValueError(
            "with sessions in cookies the idle time of a lifetime must be no longer"
            " than IDP_SESSION_DELIVERY_RETENTION"
        )


def anonymous_lifetime(options: SessionOptions) -> Lifetime:
    """The lifetime of sessions in which nobody is signed in.

    :param options: The settings.
    """
    return Lifetime(
        idle=options.anonymous_idle_timeout,
        absolute=options.anonymous_absolute_lifetime,
    )
