"""The provider's app for ``flask``, as an administrator has it on a shell.

The environment variable ``INTEROP_PROVIDER`` holds the command line of the provider,
as a JSON list.
"""

from __future__ import annotations

import json
import os

from flask import Flask

from sample_idp.arguments import parse
from sample_idp.provider import create_app as create_provider
from sample_idp.settings import ProviderSettings

__all__ = ["create_app"]


def create_app() -> Flask:
    """The app over the database of a provider that runs."""
    arguments = json.loads(os.environ["INTEROP_PROVIDER"])

    return create_provider(ProviderSettings.from_arguments(parse(arguments)))
