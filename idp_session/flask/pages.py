"""The pages that people see, with the headers that keep them safe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import make_response
from flask import render_template
from flask import Response

from .._protocol.content_security_policy import PagePolicy
from .content_security_policy import new_nonce
from .content_security_policy import protect
from .languages import texts_for

__all__ = ["page"]

# What a page may load although it does not need it: pictures are for templates of
# the host.
_ALONE = {"default-src": ("'none'",), "img-src": ("'self'",), "frame-src": ("'none'",)}
_REFUSES = frozenset({"base-uri", "frame-ancestors"})
_IN_A_SANDBOX = ("allow-forms", "allow-same-origin", "allow-scripts")


def page(
    template: str,
    *,
    status: int = 200,
    frame_origins: Iterable[str] = (),
    form_origins: Iterable[str] = (),
    connects: bool = False,
    languages: Iterable[str] = (),
    **context: Any,
) -> Response:
    """A page of the package, from a template that the host may override.

    It is never cached, never framed, loads nothing from elsewhere but what the
    host's own policy allows, and gives its address, which may hold an ID token, to
    nobody (RIL-OP-34). There is no ``form-action`` unless the host has one: browsers
    apply it to the redirects after a form as well, and those lead to the client.

    :param template: Its name below ``idp_session/``.
    :param status: The HTTP status.
    :param frame_origins: The origins that it may load in frames.
    :param form_origins: Where the redirects after its form lead, beside ourselves:
        origins, or schemes such as ``com.example.app:``.
    :param connects: Whether its script talks to the provider.
    :param languages: The languages that were asked for, best first, before those of
        the browser.
    :param context: What the template is given, beside ``nonce``, which its scripts
        and styles have to carry, and ``text``, ``plural_text``, ``listed`` and
        ``language`` of its language. These names are no extension's, so that
        templates of a host may use one of its own beside them.
    """
    nonce = new_nonce()
    texts = texts_for(languages)
    response = make_response(
        render_template(
            f"idp_session/{template}",
            nonce=nonce,
            language=texts.language,
            text=texts.text,
            plural_text=texts.plural_text,
            listed=texts.listed,
            **context,
        ),
        status,
    )
    protect(_policy(nonce, frame_origins, form_origins, connects=connects))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Language"] = texts.language
    response.vary.add("Accept-Language")
    response.cache_control.no_store = True

    return response


def _policy(
    nonce: str,
    frame_origins: Iterable[str],
    form_origins: Iterable[str],
    *,
    connects: bool,
) -> PagePolicy:
    needs = {
        "script-src": (f"'nonce-{nonce}'",),
        "style-src": (f"'nonce-{nonce}'",),
        "form-action": ("'self'", *sorted(set(form_origins))),
        "sandbox": _IN_A_SANDBOX,
    }

    if frames := tuple(sorted(set(frame_origins))):
        needs["frame-src"] = frames

    if connects:
        needs["connect-src"] = ("'self'",)

    return PagePolicy(needs=needs, alone=_ALONE, refuses=_REFUSES)
