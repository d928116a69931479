"""A provider with one relying party of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .apache import Apache
from .express import Express
from .express import PACKAGES
from .field import Field
from .sites import Site

__all__ = ["MOD_AUTH_OPENIDC", "RELYING_PARTIES", "Place", "open_place"]

MOD_AUTH_OPENIDC = "mod_auth_openidc"

#: Whom the tests with the back channel are run with.
RELYING_PARTIES = (MOD_AUTH_OPENIDC, *PACKAGES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where somebody signs in."""

    name: str
    field: Field
    site: Site
    program: Apache | Express

    def kill_the_site(self) -> None:
        self.program.kill()

    def start_the_site(self) -> None:
        self.program.start(self.field.issuer)


@contextmanager
def open_place(name: str, folder: Path, *settings: str) -> Iterator[Place]:
    """Start both, over plain http on loopback.

    :param name: One of ``RELYING_PARTIES``.
    :param folder: An empty folder for the provider.
    :param settings: ``NAME=VALUE`` for the provider's ``--set``.
    """
    program, site = _program(name)

    try:
        field = Field(folder, site, settings=settings)
        try:
            program.start(field.issuer)
            yield Place(name=name, field=field, site=site, program=program)
        finally:
            field.stop()
    finally:
        program.stop()


def _program(name: str) -> tuple[Apache | Express, Site]:
    if name == MOD_AUTH_OPENIDC:
        apache = Apache()
        return apache, apache.sites["apache-back"]

    express = Express(name)

    return express, express.site
