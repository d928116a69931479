"""Blueprints that are found by what they are, under whatever name and prefix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint
from flask import current_app
from flask import has_request_context
from flask import Request
from flask import request
from flask import url_for

__all__ = [
    "OwnBlueprint",
    "ProtocolBlueprint",
    "leaves_session_alone",
    "protocol_endpoint",
    "static_url",
]

_DEFAULT = "idp_session"


class OwnBlueprint(Blueprint):
    """A blueprint of the package, which a host may rename and nest.

    :param name: Its name, unless the host gives another one.
    :param import_name: The module that it is made in.
    :param without_session: The views that are no use of the session, and whose
        answers set no cookie.
    :param folders: For Flask: where templates and files are.
    """

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        without_session: Iterable[str] = (),
        **folders: Any,
    ) -> None:
        super().__init__(name, import_name, **folders)
        #: Views that are no use of the session.
        self.without_session = frozenset(without_session)


class ProtocolBlueprint(OwnBlueprint):
    """The blueprint of the specifications' endpoints."""


def leaves_session_alone(this: Request) -> bool:
    """Whether the current request is for a view that is no use of the session.

    :param this: The current request.
    """
    endpoint = this.endpoint

    if endpoint is None:
        return False

    name, _, view = endpoint.rpartition(".")

    if not name or view == "static":
        return view == "static"

    blueprint = current_app.blueprints.get(name)

    return isinstance(blueprint, OwnBlueprint) and view in blueprint.without_session


def protocol_endpoint(view: str) -> str:
    """The endpoint of a view of the protocol blueprint, for ``url_for``.

    :param view: Such as ``"end_session"``.
    """
    names = [
        name
        for name, blueprint in current_app.blueprints.items()
        if isinstance(blueprint, ProtocolBlueprint)
    ]

    # If it is registered twice, a page stays where it is.
    if has_request_context() and request.blueprint in names:
        return f"{request.blueprint}.{view}"

    return f"{names[0] if names else _DEFAULT}.{view}"


def static_url(filename: str) -> str:
    """The address of a file that the package's pages load.

    :param filename: Its name.
    """
    return url_for(protocol_endpoint("static"), filename=filename)
