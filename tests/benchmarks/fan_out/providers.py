"""Providers under measurement: a browser of each begins a session and ends it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade
from tests.ports import free_port

from .processes import running
from .processes import wait_for_port
from .receivers import address_of

__all__ = ["Logout", "Provider", "oidc_provider", "ours", "uris_of"]

_BENCHMARKS = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Logout:
    """A logout as its user sees it."""

    #: When it was asked for, on the monotonic clock.
    asked_at: float
    #: After how many seconds the answer was there.
    seconds: float


class Provider:
    """A provider's process, seen by a browser.

    :param port: Where it listens.
    :param process: Its process.
    :param end_session: The path of its end-session endpoint.
    :param confirm: The path of the form that is sent from there.
    :param answer: What the form says besides what guards it.
    """

    def __init__(
        self,
        *,
        port: int,
        process: subprocess.Popen[str],
        end_session: str,
        confirm: str,
        answer: Mapping[str, str],
    ) -> None:
        self.process = process
        self._port = port
        self._end_session = end_session
        self._confirm = confirm
        self._answer = answer
        self._cookies: dict[str, str] = {}
        self._form: dict[str, str] = {}

    def sign_in(self, count: int | None = None) -> None:
        """Begin a session, and come to the form that ends it.

        :param count: How many clients have joined it; all without.
        """
        self._cookies.clear()
        self._request("POST", "/begin" if count is None else f"/begin?count={count}")
        page = self._request("GET", self._end_session)
        names = re.findall(r'name="(confirmation|xsrf)" value="([^"]+)"', page)
        self._form = {**dict(names), **self._answer}

    def sign_out(self) -> Logout:
        """Send the form, and wait for the answer as a person does."""
        asked_at = time.monotonic()
        self._request("POST", self._confirm, self._form)

        return Logout(asked_at=asked_at, seconds=time.monotonic() - asked_at)

    def _request(
        self, method: str, path: str, form: Mapping[str, str] | None = None
    ) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        headers = {"Cookie": "; ".join(map("=".join, self._cookies.items()))}

        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"

        with contextlib.closing(connection):
            connection.request(method, path, urlencode(form) if form else None, headers)
            response = connection.getresponse()
            text = response.read().decode()

        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:500]}")

        for header in response.headers.get_all("Set-Cookie", ()):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value

        return text


def uris_of(count: int, port: int) -> dict[str, str]:
    """The back-channel logout URI of each client.

    :param count: How many.
    :param port: Where all of them listen.
    """
    return {
        f"client-{number:04}": f"http://{address_of(number)}:{port}/logout"
        for number in range(count)
    }


@contextlib.contextmanager
def ours(
    directory: Path,
    uris: Mapping[str, str],
    *,
    url: str | None = None,
    **settings: object,
) -> Iterator[Provider]:
    """A provider of ours under gunicorn, with the worker that is built in.

    :param directory: For its files.
    :param uris: The back-channel logout URI of each client.
    :param url: Its database; a new SQLite file without.
    :param settings: ``IDP_SESSION_*`` settings, without the prefix.
    """
    port = free_port()
    url = url or f"sqlite:///{directory / f'ours-{port}.sqlite'}"
    _make_tables(url)
    described = directory / f"ours-{port}.json"
    config = {
        "issuer": f"http://127.0.0.1:{port}",
        "database_url": url,
        "delivery_sender": "curl",
        "delivery_allow_http": True,
        "delivery_allowed_networks": ["127.0.0.0/8"],
        "delivery_retry_after": 600,
        "back_channel_wait": 0,
        "check_session_cookie_same_site": "Lax",
        "check_session_cookie_secure": False,
        **settings,
    }
    described.write_text(
        json.dumps(
            {
                "config": {
                    "SECRET_KEY": "a secret of this measurement only",
                    **{f"IDP_SESSION_{name.upper()}": config[name] for name in config},
                },
                "clients": dict(uris),
                "keys": _keys(),
            }
        )
    )

    with running(
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class=gthread",
        "--threads=4",
        "--log-level=warning",
        f"--bind=127.0.0.1:{port}",
        "tests.benchmarks.fan_out.our_provider:create_app()",
        environment={"FAN_OUT_PROVIDER": str(described)},
    ) as process:
        wait_for_port(port, process)
        yield Provider(
            port=port,
            process=process,
            end_session="/connect/endsession",
            confirm="/connect/endsession",
            answer={"answer": "yes"},
        )


@contextlib.contextmanager
def oidc_provider(
    directory: Path, uris: Mapping[str, str], *, node: str
) -> Iterator[Provider]:
    """The oidc-provider of npm, with the adapter that it comes with.

    :param directory: For its files.
    :param uris: The back-channel logout URI of each client.
    :param node: The program that runs it.
    """
    port = free_port()
    described = directory / f"oidc-provider-{port}.json"
    described.write_text(
        json.dumps(
            {
                "issuer": f"http://127.0.0.1:{port}",
                "port": port,
                "clients": dict(uris),
                "keys": _keys(),
            }
        )
    )

    with running(
        node,
        str(_BENCHMARKS / "oidc_provider.mjs"),
        str(described),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for_port(port, process)
        yield Provider(
            port=port,
            process=process,
            end_session="/session/end",
            confirm="/session/end/confirm",
            answer={"logout": "yes"},
        )


def _make_tables(url: str) -> None:
    engine = create_engine(url)
    upgrade(engine)
    engine.dispose()


def _keys() -> object:
    key = generate_key("RSA", 2048, {"kid": "benchmark", "use": "sig", "alg": "RS256"})

    return KeySet([key]).as_dict(private=True)
