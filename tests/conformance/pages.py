"""What is in a page: its form, its frames, its words."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from html.parser import HTMLParser

import requests

from .provider import Provider

__all__ = ["Form", "form_of", "frames_of", "is_own_page"]


@dataclass
class Form:
    """The form of a page, with the fields that the user does not fill in."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.frames: list[str] = []

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        given = {name: value or "" for name, value in attributes}

        if tag == "form":
            self.forms.append(Form(action=given.get("action", "")))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1].fields[given["name"]] = given["value"]
        elif tag == "iframe":
            self.frames.append(given["src"])


def form_of(html: str) -> Form:
    """The only form of a page."""
    [form] = _read(html).forms

    return form


def frames_of(html: str) -> list[str]:
    """The addresses of the frames of a page."""
    return _read(html).frames


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)

    return reader


def is_own_page(provider: Provider, page: requests.Response) -> bool:
    """Whether the browser has ended on a page of the provider."""
    return page.url.startswith(f"{provider.issuer}/") and page.headers[
        "Content-Type"
    ].startswith("text/html")
