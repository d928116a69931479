from __future__ import annotations

import logging
from dataclasses import fields
from dataclasses import is_dataclass
from enum import EnumType
from importlib.metadata import version as version_of
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from idp_session.options import PREFIX
from idp_session.options import SessionOptions

project = "idp_session"
author = "The idp_session maintainers"
copyright = "the idp_session maintainers"  # noqa: A001 - Sphinx's name
version = release = version_of("idp-session")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.graphviz"]
graphviz_output_format = "svg"
exclude_patterns = ["_build"]
root_doc = "index"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

# There is no network when the docs are built, so no other project's index is asked.
# Each name of ours has to lead somewhere; those of others need not.
nitpick_ignore_regex = [
    (r"py:.*", rf"{module}(\..+)?")
    for module in (
        "authlib",
        "blinker",
        "celery",
        "collections",
        "concurrent",
        "contextlib",
        "datetime",
        "flask",
        r"idp_session\.services\.ending",
        "joserfc",
        "logging",
        "os",
        "pathlib",
        "redis",
        "sqlalchemy",
        "threading",
        "typing",
        "werkzeug",
    )
] + [
    # Authlib's own, as its users know them.
    ("py:exc", "(Invalid(Client|Request)|(Consent|Login)Required|OAuth2)Error"),
    # What is handed on, unseen, from one part of the package to another.
    ("py:class", r"idp_session\._protocol\.rp_initiated\.LogoutRequest"),
    ("py:class", r"idp_session\.integrations\.authlib\.end_session\.ValidatedLogout"),
    ("py:class", r"idp_session\.testing\.together\.T"),
]

html_theme = "furo"
html_title = "idp_session"
html_copy_source = False
html_show_sphinx = False

# Says at every import which of its parts it has loaded.
logging.getLogger("alembic").setLevel(logging.WARNING)


def _name_the_setting(_app: Sphinx, _what: str, name: str, *rest: Any) -> None:
    lines: list[str] = rest[-1]
    owner, _, member = name.rpartition(".")

    if owner.endswith("SessionOptions") and member in _OPTIONS:
        lines[:0] = [f"Setting ``{PREFIX}{member.upper()}``.", ""]


def _hide_fields(
    _app: Sphinx, what: str, _name: str, obj: Any, *_: Any
) -> tuple[str, None] | None:
    # What such a class is made of is listed below it, each part with its meaning.
    listed = (
        is_dataclass(obj)
        or getattr(obj, "_is_protocol", False)
        or isinstance(obj, EnumType)
    )

    return ("", None) if what == "class" and listed else None


def _lead_to_the_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.reference | None:
    # Annotations name the module that a class is defined in, and the reference has it
    # under the package from which everybody imports it.
    package, *inside = str(node.get("reftarget")).split(".")[1:] or [""]

    if package not in {"flask", "models", "ports", "options"} or len(inside) <= 1:
        return None

    return env.domains.python_domain.resolve_xref(
        env,
        env.current_document.docname,
        app.builder,
        str(node["reftype"]),
        f"idp_session.{package}.{'.'.join(inside[1:])}",
        node,
        contnode,
    )


_OPTIONS = {field.name for field in fields(SessionOptions)}


def setup(app: Sphinx) -> None:
    """Register what only these docs need."""
    app.connect("autodoc-process-docstring", _name_the_setting)
    app.connect("autodoc-process-signature", _hide_fields)
    app.connect("missing-reference", _lead_to_the_public_name)
