"""The demo: the provider and two clients in one process tree."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from idp_session.adapters.signals import ended_by_signals

from .errors import StartError
from .server import check_port

__all__ = ["run"]

ISSUER = "http://localhost:5000"
SHOP = "http://127.0.0.1:5001"
MAIL = "http://127.0.0.1:5002"

_DATA = Path(".sample_idp")
_GRACE = 4.0
_PR_SET_PDEATHSIG = 1

# Why a session ended is nobody's secret here: the clients show it.
_REASONS = ("IDP_SESSION_LOGOUT_REASON_CLAIM=true",)

# Browsers take SameSite=None; Secure on loopback, and frames on another site need it.
_BROWSER_COOKIES = (
    "IDP_SESSION_COOKIE_SECURE=true",
    "IDP_SESSION_COOKIE_SAME_SITE=None",
    "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE=true",
    "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE=None",
)


def run(_: argparse.Namespace) -> int:
    """Run the three of them until SIGTERM or Ctrl-C.

    :param _: The parsed command line of ``demo``, which has no options.
    """
    for port in (5000, 5001, 5002):
        check_port("127.0.0.1", port)

    clients = _client_file()

    with ended_by_signals() as stop:
        _run_until(stop, clients)

    return 0


def _run_until(stop: threading.Event, clients: Path) -> None:
    provider = _start("idp", "--clients", str(clients), *_settings())
    children = [provider]

    try:
        _wait_until_ready(provider)
        children += [_client("Shop", SHOP), _client("Mail", MAIL)]
        for child in children[1:]:
            _wait_until_ready(child)
        _greet()
        while not stop.wait(0.5):
            _check(children)
    finally:
        _end(children)


def _client_file() -> Path:
    path = _DATA / "demo_clients.json"

    try:
        _DATA.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps([_metadata("Shop", SHOP), _metadata("Mail", MAIL)]))
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error

    return path


def _metadata(name: str, url: str) -> dict[str, object]:
    return {
        "client_id": name.lower(),
        "client_secret": _secret(name),
        "client_name": name,
        "client_uri": f"{url}/",
        "redirect_uris": [f"{url}/callback"],
        "post_logout_redirect_uris": [f"{url}/"],
        "frontchannel_logout_uri": f"{url}/front-channel-logout",
        "frontchannel_logout_session_required": True,
        "backchannel_logout_uri": f"{url}/back-channel-logout",
        "backchannel_logout_session_required": True,
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile email offline_access",
    }


def _secret(name: str) -> str:
    return _SECRETS.setdefault(name, secrets.token_urlsafe(24))


_SECRETS: dict[str, str] = {}


def _settings() -> list[str]:
    return [part for text in _BROWSER_COOKIES + _REASONS for part in ("--set", text)]


def _client(name: str, url: str) -> subprocess.Popen[str]:
    return _popen(
        [sys.executable, "-m", "sample_idp.demo_client"],
        environment={"DEMO_CLIENT": _json(name, url)},
    )


def _json(name: str, url: str) -> str:
    return json.dumps(
        {
            "name": name,
            "client_id": name.lower(),
            "client_secret": _secret(name),
            "issuer": ISSUER,
            "base_url": url,
        }
    )


def _start(*arguments: str) -> subprocess.Popen[str]:
    return _popen([sys.executable, "-m", "sample_idp", *arguments])


def _popen(
    command: list[str], environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own modules
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    # Linux only; elsewhere an abandoned child has to be ended by hand.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(child: subprocess.Popen[str]) -> None:
    output: IO[str] | None = child.stdout

    for line in output or ():
        if line.startswith("ready: "):
            return

    raise StartError("a part of the demo did not start; its message is above")


def _check(children: list[subprocess.Popen[str]]) -> None:
    if any(child.poll() is not None for child in children):
        raise StartError("a part of the demo has ended; its message is above")


def _greet() -> None:
    print(f"ready: {ISSUER}", flush=True)
    print(
        f"\nOpen {SHOP} and {MAIL}; sign in as alice (password: alice).\n"
        "Sign out in one of them and watch the other. Ctrl-C ends the demo.\n",
        flush=True,
    )


def _end(children: list[subprocess.Popen[str]]) -> None:
    for child in children:
        child.terminate()

    for child in children:
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
