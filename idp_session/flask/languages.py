"""Which language a page is in."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request

from .catalogs import Texts
from .state import app_state

__all__ = ["texts_for"]


def texts_for(languages: Iterable[str] = ()) -> Texts:
    """The texts for whoever sends the current request.

    :param languages: Tags of the languages that the request asks for beside its
        headers, best first; they go before what the browser is set to.
    """
    accepted = [tag for tag, quality in request.accept_languages if quality > 0]

    return app_state().catalogs.texts((*languages, *accepted))
