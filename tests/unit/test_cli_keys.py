"""``flask idp-session keys …``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.testing import ManualClock

from .hosts import Host
from .hosts import host_app

PROTECTOR = AesGcmTicketProtector("0123456789abcdef")


@pytest.fixture
def host(tmp_path: Path, clock: ManualClock) -> Host:
    """A host whose keys are in a ring."""
    ring = KeyRing(
        tmp_path / "keys",
        protector=PROTECTOR,
        algorithms=["ES256"],
        clock=clock,
    )

    return host_app(signer=KeySetTokenSigner(ring), clock=clock)


def run(host: Host, *arguments: str) -> Result:
    return host.app.test_cli_runner().invoke(args=["idp-session", "keys", *arguments])


def read(host: Host, *arguments: str) -> list[dict[str, Any]]:
    """The keys that a command prints as JSON, when it succeeds."""
    result = run(host, *arguments, "--json")
    assert result.exit_code == 0, result.output
    keys: list[dict[str, Any]] = json.loads(result.stdout)["keys"]

    return keys


def states(host: Host) -> list[str]:
    return [key["state"] for key in read(host, "list")]


def test_list(host: Host) -> None:
    """For people there is a table, for programs JSON, and in neither a secret."""
    (key,) = read(host, "list")
    table = run(host, "list").output

    assert key["algorithms"] == ["ES256"]
    assert key["published_at"] == "2026-01-01T12:00:00+00:00"
    assert key["key_id"] in table
    assert "active" in table
    assert key.keys() == {
        "key_id", "algorithms", "state", "published_at", "signs_from", "retired_at",
        "removed_from",
    }  # fmt: skip


def test_rotate(host: Host) -> None:
    """The key that follows is shown, and is there."""
    (new,) = read(host, "rotate", "--algorithm", "ES256")

    assert new["signs_from"] == "2026-01-08T12:00:00+00:00"
    assert states(host) == ["new", "active"]


def test_add(host: Host) -> None:
    """An algorithm without a key gets one."""
    (added,) = read(host, "add", "EdDSA")

    assert added["algorithms"] == ["EdDSA"]
    assert host.signer.algorithms == ("ES256", "EdDSA", "HS256")


def test_retire_at_once(host: Host) -> None:
    """Another key signs from now on."""
    (old,) = read(host, "list")
    (successor,) = read(host, "retire", old["key_id"], "--now")

    assert host.signer.private_key("ES256").kid == successor["key_id"]
    assert states(host) == ["active", "retired"]


def test_remove_at_once(host: Host) -> None:
    """A stolen key is gone, and what is left is shown."""
    (old,) = read(host, "list")
    (left,) = read(host, "remove", old["key_id"], "--now")

    assert left["key_id"] != old["key_id"]
    assert left["state"] == "active"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["rotate", "--algorithm", "RS512"], "RS512", id="algorithm"),
        pytest.param(["rotate", "--algorithm", "EdDSA"], "add one", id="no key"),
        pytest.param(["add", "ES256"], "rotate it", id="there already"),
        pytest.param(["retire", "nobody"], "no such key", id="retire nobody"),
        pytest.param(["remove", "nobody"], "no such key", id="remove nobody"),
    ],
)
def test_refusals(host: Host, arguments: list[str], words: str) -> None:
    """What cannot be done is said in a sentence, with a failure for the script."""
    result = run(host, *arguments)

    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
    assert states(host) == ["active"]


def test_a_key_that_is_needed(host: Host) -> None:
    """A key that signs is not removed by mistake."""
    (key,) = read(host, "list")
    result = run(host, "remove", key["key_id"])

    assert result.exit_code == 1
    assert "stolen" in result.output


@pytest.mark.parametrize("verb", ["retire", "remove"])
def test_a_key_id_that_looks_like_an_option(
    tmp_path: Path, host: Host, verb: str
) -> None:
    """A thumbprint may begin with a hyphen."""
    keys = (generate_key("EC", "P-256", {"use": "sig"}) for _ in range(5000))
    key = next(key for key in keys if key.thumbprint().startswith("-"))
    content = json.dumps(KeySet([key]).as_dict(private=True)).encode()
    (tmp_path / "keys").write_bytes(PROTECTOR.seal(content, purpose="signing-keys"))

    read(host, verb, key.thumbprint(), "--now")

    assert host.signer.private_key("ES256").kid != key.thumbprint()


def test_a_misspelt_option(host: Host) -> None:
    """What is no option is not passed over."""
    (key,) = read(host, "list")
    result = run(host, "remove", key["key_id"], "--nwo")

    assert result.exit_code == 2
    assert states(host) == ["active"]


def test_keys_elsewhere() -> None:
    """An app that keeps its keys in another way is told what to change."""
    result = run(host_app(), "list")

    assert result.exit_code == 1
    assert "KeyRing" in result.output
