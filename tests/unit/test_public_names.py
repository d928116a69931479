"""What the package exports, and that all of it is explained."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

import pytest
from sphinx.pycode import ModuleAnalyzer

import idp_session
from idp_session import ports
from idp_session import relying_party

PUBLIC = {
    "idp_session": [
        "AddressStanding",
        "AuthenticationProperties",
        "Client",
        "ClientLogout",
        "ConfigurationError",
        "Delivery",
        "DeliveryState",
        "Departure",
        "EndedSession",
        "HintStanding",
        "IdpSessionError",
        "Lifetime",
        "LogoutContext",
        "LogoutOutcome",
        "LogoutReason",
        "LogoutResult",
        "NotInCookieModeError",
        "Participant",
        "Principal",
        "ServerSideSession",
        "SessionEvent",
        "SessionEventKind",
        "SessionFilter",
        "SessionGoneError",
        "SessionLimitError",
        "SessionOptions",
        "SessionPage",
        "SessionTooLargeError",
        "Ticket",
        "UserSession",
    ],
    "idp_session.flask": [
        "DefaultLogoutPolicy",
        "HeldSession",
        "IdpSession",
        "admin_blueprint",
        "clients_left",
        "deliver_until",
        "delivery_attempted",
        "delivery_finished",
        "devices_blueprint",
        "protocol_blueprint",
        "session_ended",
        "session_events_blueprint",
        "session_started",
        "user_session",
    ],
    "idp_session.integrations.authlib": [
        "LogoutClientMetadataClaims",
        "ParticipatingGrantMixin",
        "Question",
        "SessionAuthorizationServer",
        "SessionOpenIDCode",
        "SignOn",
        "SingleLogoutEndpoint",
        "check_logout_metadata",
        "check_redirect_uris",
        "current_session_claims",
        "discovery_metadata",
        "encryption_metadata",
        "logout_request_reader",
    ],
    "idp_session.integrations.celery": [
        "CeleryDispatcher",
        "beat_schedule",
        "register_tasks",
    ],
    "idp_session.relying_party": [
        "FetchedKeys",
        "KeySource",
        "LogoutReceiver",
        "LogoutToken",
        "LogoutTokenValidator",
        "MemoryReplayGuard",
        "MemorySessionRegistry",
        "ReplayGuard",
        "SessionRegistry",
        "TokenDecryption",
    ],
}


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(idp_session.__path__, "idp_session.")
    names = [each.name for each in found if ".migrations" not in each.name]

    return [idp_session, *map(importlib.import_module, names)]


MODULES = _modules()


def _attributes(module: ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    )


def _named() -> dict[str, Any]:
    exported = [
        getattr(module, name)
        for module in MODULES
        if not module.__name__.rpartition(".")[2].startswith("_")
        for name in getattr(module, "__all__", PUBLIC.get(module.__name__, ()))
    ]

    return {
        f"{value.__module__}.{value.__qualname__}": value
        for value in exported
        if inspect.isclass(value) or inspect.isfunction(value)
    }


# Every public class and function, by the module that it is from.
NAMED = _named()
CLASSES = {name: value for name, value in NAMED.items() if inspect.isclass(value)}
VALUES = {name: value for name, value in CLASSES.items() if is_dataclass(value)}

PROTOCOLS = [
    value
    for module in (ports, relying_party)
    for value in vars(module).values()
    if getattr(value, "_is_protocol", False)
]


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(owner).items():
        is_explained_by_code = isinstance(
            member, property | staticmethod | classmethod
        ) or inspect.isfunction(member)

        if is_explained_by_code and not name.startswith("_"):
            yield name, member


def _promised(owner: type) -> set[str]:
    """Members that a port explains, whose members the class all has."""
    return {
        name
        for protocol in PROTOCOLS
        for name, member in _members(protocol)
        if member.__doc__
        and all(hasattr(owner, each) for each, _ in _members(protocol))
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names(name: str) -> None:
    """Adding or removing a public name is a decision, so it is written down here."""
    assert _attributes(importlib.import_module(name)) == PUBLIC[name]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_module_says_what_it_is_for(module: ModuleType) -> None:
    """A module begins with a sentence that says what is in it."""
    assert (module.__doc__ or "").strip().partition("\n")[0].endswith(".")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_module_lists_its_public_names(module: ModuleType) -> None:
    """A module lists what it lends to others; a package lends nothing, or what is pinned."""
    is_package = hasattr(module, "__path__")
    listed = PUBLIC.get(module.__name__, getattr(module, "__all__", None))

    if listed is None:
        assert is_package
        assert _attributes(module) == []
    else:
        assert [name for name in listed if not hasattr(module, name)] == []
        assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", NAMED)
def test_every_public_name_has_a_docstring(name: str) -> None:
    """A public class or function is explained where it is written."""
    docstring = vars(NAMED[name]).get("__doc__") or NAMED[name].__doc__

    assert docstring is not None
    assert not docstring.startswith(f"{NAMED[name].__name__}(")


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_has_a_docstring(name: str) -> None:
    """A public method or property is explained by itself or by the port it implements."""
    owner = CLASSES[name]
    unexplained = {name for name, member in _members(owner) if not member.__doc__}

    assert unexplained - _promised(owner) == set()


@pytest.mark.parametrize(
    "name", [name for name in VALUES if name.split(".")[1] in {"models", "options"}]
)
def test_every_field_of_a_value_is_explained(name: str) -> None:
    """Above each field of a public value stands what it means."""
    value = VALUES[name]
    analyzer = ModuleAnalyzer.for_module(value.__module__)
    explained = {
        field for owner, field in analyzer.find_attr_docs() if owner == value.__name__
    }

    assert {field.name for field in fields(value)} - explained == set()


@pytest.mark.parametrize(
    ("program", "flask"),
    [
        pytest.param("import idp_session.relying_party", False, id="the package"),
        pytest.param(
            "from idp_session.relying_party import FetchedKeys, LogoutTokenValidator",
            False,
            id="what validates",
        ),
        pytest.param(
            "from idp_session.relying_party import LogoutReceiver", True, id="receiver"
        ),
    ],
)
def test_a_relying_party_is_light(program: str, flask: bool) -> None:
    """A client loads no database, nothing of the provider, and Flask if it uses it."""
    heavy = {"sqlalchemy", "alembic", "requests", "authlib", "celery", "redis"}
    halves = {"services", "stores", "integrations", "flask"}
    halves |= {f"_protocol.{name}" for name in ("rp_initiated", "session_management")}
    loaded = _loaded_by(program)

    assert heavy & loaded == set()
    assert {f"idp_session.{half}" for half in halves} & loaded == set()
    # Both sides begin anew in a forked child, and nothing else of these is needed.
    assert {name for name in loaded if name.startswith("idp_session.adapters.")} == {
        "idp_session.adapters.forks"
    }
    # The page in the provider's frame has a policy, which both sides merge alike.
    assert ("idp_session._protocol" in loaded) <= flask
    assert ("flask" in loaded) is flask


def test_a_relying_party_has_no_other_names() -> None:
    """A name that is not there is missed as in any module."""
    with pytest.raises(AttributeError, match="nothing"):
        _ = relying_party.nothing


def _loaded_by(program: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    return set(result.stdout.split())
