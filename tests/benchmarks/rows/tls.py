"""What a new TLS connection costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import trustme
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.ports import LogoutSender

from ..fan_out.processes import running
from ..measuring import interleaved
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["connection"]

_PLAIN = "plain Requests"
_TOKEN = "x" * 800
_NOTE = (
    "Processor time of a request on a connection of its own that resumes none. Plain"
    " Requests is `requests.post`, which reads the certificates of all authorities anew"
    " for each one."
)


def connection(bench: Bench) -> Sequence[Outcome]:
    """Both senders beside plain Requests."""
    with _receiver(bench.directory) as (uri, authority):
        bundle = bench.directory / "all.pem"
        bundle.write_bytes(
            Path(DEFAULT_CA_BUNDLE_PATH).read_bytes() + authority.read_bytes()
        )
        senders: dict[str, LogoutSender] = {
            "curl": CurlLogoutSender(**_settings(authority)),
            "requests": RequestsLogoutSender(**_settings(authority)),
        }
        rounds = interleaved(
            {
                _PLAIN: lambda: _post(uri, bundle),
                **{name: _sending(each, uri) for name, each in senders.items()},
            },
            rounds=bench.few(11, quick=3),
            calls=10,
            clock=time.process_time,
        )

        for sender in senders.values():
            sender.stop()

    return [
        Result(
            work=f"a new TLS connection, sender `{name}`",
            ours=rounds.median(name) * 1000,
            unit="ms",
            against=_PLAIN,
            theirs=rounds.median(_PLAIN) * 1000,
            at_most=0.10,
            spread=rounds.spread(name, _PLAIN),
            note=_NOTE,
        )
        for name in senders
    ]


@contextmanager
def _receiver(directory: Path) -> Iterator[tuple[str, Path]]:
    root = trustme.CA()
    authority, certificate = directory / "authority.pem", directory / "localhost.pem"
    root.cert_pem.write_to_path(authority)
    root.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        certificate
    )

    with running(
        sys.executable,
        "-m",
        "tests.benchmarks.fan_out.tls_receiver",
        str(certificate),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"https://localhost:{port}/logout", authority


def _settings(authority: Path) -> dict[str, Any]:
    return {
        "policy": AddressPolicy(
            allow_http=False, allowed_networks=("127.0.0.0/8", "::1/128")
        ),
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=10),
        "ca_file": str(authority),
    }


def _sending(sender: LogoutSender, uri: str) -> Callable[[], object]:
    def send() -> None:
        result = sender.submit(uri, _TOKEN).result(10)

        if result.status != requests.codes.ok:
            raise RuntimeError(f"{sender} says {result}")

    return send


def _post(uri: str, bundle: Path) -> None:
    requests.post(
        uri, {"logout_token": _TOKEN}, verify=str(bundle), timeout=10
    ).raise_for_status()
