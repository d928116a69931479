"""The sample's command line, files and settings: what is wrong is one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session.options import SessionOptions
from idp_session.testing import together
from sample_idp import arguments
from sample_idp.errors import StartError
from sample_idp.provider import create_app
from sample_idp.settings import json_list
from sample_idp.settings import ProviderSettings
from sample_idp.settings import read_text

ROOT = Path(__file__).parents[2]


def settings(data: Path, *given: str, command: str = "idp") -> ProviderSettings:
    """What comes of a command line."""
    parsed = arguments.parse([command, "--data", str(data), *given])

    return ProviderSettings.from_arguments(parsed)


# The command line


def test_demo_is_the_default() -> None:
    """Without a command it is the demo."""
    assert arguments.parse([]).command == "demo"


def test_defaults() -> None:
    """Without options the provider is on this machine, with one process."""
    parsed = vars(arguments.parse(["idp"]))

    assert parsed == {
        "command": "idp",
        "host": "127.0.0.1",
        "port": 5000,
        "issuer": None,
        "data": ".sample_idp",
        "database": None,
        "clients": [],
        "settings": [],
        "open_registration": False,
        "tls_cert": None,
        "tls_key": None,
        "ca_file": None,
        "processes": 1,
        "threads": 8,
        "id_token_lifetime": 3600,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("IDP_SESSION_X=5", ("IDP_SESSION_X", 5), id="number"),
        pytest.param("IDP_SESSION_X=true", ("IDP_SESSION_X", True), id="boolean"),
        pytest.param("IDP_SESSION_X=", ("IDP_SESSION_X", ""), id="nothing"),
        pytest.param("IDP_SESSION_X=a=b", ("IDP_SESSION_X", "a=b"), id="sign"),
        pytest.param("IDP_SESSION_X=None", ("IDP_SESSION_X", "None"), id="text"),
        pytest.param('IDP_SESSION_X="5"', ("IDP_SESSION_X", "5"), id="quoted"),
    ],
)
def test_set(text: str, expected: tuple[str, Any]) -> None:
    """A value is JSON where it can be, and text otherwise."""
    assert arguments.parse(["idp", "--set", text]).settings == [expected]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(["nothing"], "nothing", id="command"),
        pytest.param(["idp", "--nothing"], "--nothing", id="option"),
        pytest.param(["idp", "--port", "x"], "--port", id="port is text"),
        pytest.param(["idp", "--port", "0"], "--port", id="port 0"),
        pytest.param(["idp", "--port", "65536"], "--port", id="port too high"),
        pytest.param(["idp", "--port", "-1"], "--port", id="negative port"),
        pytest.param(["idp", "--port", "٣"], "--port", id="other digits"),
        pytest.param(["idp", "--port"], "--port", id="no port"),
        pytest.param(["idp", "--processes", "0"], "--processes", id="no process"),
        pytest.param(["idp", "--threads", "1.5"], "--threads", id="half a thread"),
        pytest.param(
            ["idp", "--id-token-lifetime", "9" * 20], "--id-token", id="too long"
        ),
        pytest.param(["idp", "--set", "IDP_SESSION_X"], "NAME=VALUE", id="no sign"),
        pytest.param(["idp", "--set", "DEBUG=1"], "'DEBUG'", id="other setting"),
        pytest.param(["worker", "--port", "1"], "--port", id="worker has no port"),
        pytest.param(["demo", "--port", "1"], "--port", id="demo has no options"),
    ],
)
def test_arguments_that_are_refused(given: list[str], words: str) -> None:
    """What cannot be understood is named, in one line."""
    with pytest.raises(StartError, match=words) as refused:
        arguments.parse(given)

    assert "\n" not in str(refused.value)


def test_help_names_the_way_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Help says how to have the package's default for loopback."""
    with pytest.raises(SystemExit) as left:
        arguments.parse(["idp", "--help"])

    assert left.value.code == 0
    assert "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS=" in capsys.readouterr().out


# Settings


@pytest.mark.parametrize(
    ("given", "issuer"),
    [
        pytest.param((), "http://localhost:5000", id="default"),
        pytest.param(("--port", "5005"), "http://localhost:5005", id="port"),
        pytest.param(("--tls-cert", "x"), "https://localhost:5000", id="https"),
        pytest.param(("--issuer", "https://idp.test"), "https://idp.test", id="given"),
    ],
)
def test_issuer(tmp_path: Path, given: tuple[str, ...], issuer: str) -> None:
    """The issuer is what is said, or where the provider is."""
    found = settings(tmp_path, *given)

    assert found.issuer == issuer
    assert found.options["IDP_SESSION_ISSUER"] == issuer


def test_files_of_the_provider(tmp_path: Path) -> None:
    """The folder is made, for its owner alone, and the database is in it."""
    data = tmp_path / "a" / "b"

    found = settings(data, "--clients", "x.json", "--clients", "y.json")

    assert data.stat().st_mode & 0o777 == 0o700
    assert found.database.database == str(data / "sample_idp.sqlite")
    assert found.client_files == (Path("x.json"), Path("y.json"))


def test_secret_key(tmp_path: Path) -> None:
    """The secret is made once, kept for the owner alone, and not shown."""
    first, second = settings(tmp_path), settings(tmp_path)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 43
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert first.secret_key not in repr(first)
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_secret_key_of_processes_that_start_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many that start at once all have the same secret."""
    # Threads that are told apart as processes are.
    monkeypatch.setattr(os, "getpid", threading.get_native_id)

    for attempt in range(25):
        folder = tmp_path / str(attempt)
        found = together([lambda: settings(folder).secret_key] * 8)  # noqa: B023

        assert len(set(found)) == 1
        assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        pytest.param((), "DELIVERY_ALLOW_HTTP", True, id="http"),
        pytest.param(
            (), "DELIVERY_ALLOWED_NETWORKS", ("127.0.0.0/8", "::1/128"), id="loopback"
        ),
        pytest.param(
            ("--set", "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS="),
            "DELIVERY_ALLOWED_NETWORKS",
            (),
            id="the package's default",
        ),
        pytest.param((), "CHECK_SESSION_COOKIE_SAME_SITE", "Lax", id="over http"),
        pytest.param(
            ("--issuer", "https://x"),
            "CHECK_SESSION_COOKIE_SAME_SITE",
            "None",
            id="over https",
        ),
        pytest.param(("--ca-file", "ca.pem"), "DELIVERY_CA_FILE", "ca.pem", id="CA"),
        pytest.param(
            ("--set", "IDP_SESSION_COOKIE_NAME=me"), "COOKIE_NAME", "me", id="set"
        ),
        pytest.param(
            (
                "--set",
                "IDP_SESSION_COOKIE_NAME=a",
                "--set",
                "IDP_SESSION_COOKIE_NAME=b",
            ),
            "COOKIE_NAME",
            "b",
            id="set twice",
        ),
    ],
)
def test_options(tmp_path: Path, given: tuple[str, ...], name: str, value: Any) -> None:
    """The sample's own defaults, and what wins over them."""
    found = SessionOptions.from_config(settings(tmp_path, *given).options)

    assert getattr(found, name.lower()) == value


def test_retries_are_quick(tmp_path: Path) -> None:
    """A delivery is tried again within five seconds; a lease is over within thirty."""
    found = SessionOptions.from_config(settings(tmp_path).options)

    assert found.delivery_retry_after.total_seconds() <= 5
    assert (found.delivery_lease + found.delivery_poll_interval).total_seconds() < 30


def test_worker(tmp_path: Path) -> None:
    """A worker has the provider's settings where it has no own ones."""
    found = settings(tmp_path, command="worker")

    assert found.database == settings(tmp_path).database
    assert (found.open_registration, found.id_token_lifetime) == (False, 3600)


def unwritable(path: Path) -> Path:
    """A place below a file, where no folder can be."""
    (path / "file").write_text("x")

    return path / "file" / "data"


def unreadable_secret(path: Path) -> Path:
    """A folder whose secret is one."""
    (path / "secret_key").mkdir()

    return path


@pytest.mark.parametrize(
    ("place", "given", "words"),
    [
        pytest.param(unwritable, (), "--data", id="folder"),
        pytest.param(unreadable_secret, (), "secret_key", id="secret"),
        pytest.param(Path, ("--database", "no url"), "--database", id="database"),
    ],
)
def test_settings_that_are_refused(
    tmp_path: Path,
    place: Callable[[Path], Path],
    given: tuple[str, ...],
    words: str,
) -> None:
    """What cannot be used is named, in one line."""
    with pytest.raises(StartError, match=words) as refused:
        settings(place(tmp_path), *given)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            ("--set", "IDP_SESSION_NOTHING=1"), "IDP_SESSION_NOTHING", id="name"
        ),
        pytest.param(
            ("--set", "IDP_SESSION_IDLE_TIMEOUT=x"), "IDP_SESSION_IDLE", id="value"
        ),
        pytest.param(
            ("--set", "IDP_SESSION_COOKIE_SAME_SITE=None"), "COOKIE_SECURE", id="clash"
        ),
        pytest.param(("--issuer", "ftp://x"), "IDP_SESSION_ISSUER", id="issuer"),
        pytest.param(("--issuer", "http://["), "IDP_SESSION_ISSUER", id="no issuer"),
        pytest.param(
            ("--database", "sqlite:////nowhere/x.sqlite"), "database", id="database"
        ),
        pytest.param(
            ("--database", "postgresql+psycopg://u:secret@127.0.0.1:1/x"),
            "database",
            id="server that is not there",
        ),
        pytest.param(("--database", "nothing://x"), "database", id="kind of database"),
        pytest.param(("--clients", "/nowhere.json"), "/nowhere.json", id="client file"),
        pytest.param(("--ca-file", "/nowhere.pem"), "/nowhere.pem", id="CA file"),
    ],
)
def test_starts_that_fail(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    words: str,
) -> None:
    """A setting, a file or a database that cannot be used is one line, no traceback."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")

    with pytest.raises(StartError, match=words) as refused:
        create_app(settings(tmp_path, *given))

    assert "\n" not in str(refused.value)
    assert "secret@" not in str(refused.value)


# Files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"{", "not JSON", id="broken"),
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"{}", "list of clients", id="object"),
        pytest.param(b"null", "list of clients", id="null"),
        pytest.param(b"\xff\xfe", "UTF-8", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no list is named, with what is wrong."""
    path = tmp_path / "clients.json"
    path.write_bytes(content)

    with pytest.raises(StartError, match=words) as refused:
        json_list(path)

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [".", "nothing.json"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """Nor is a folder a file."""
    with pytest.raises(StartError, match="cannot read"):
        read_text(tmp_path / name)


@pytest.mark.process
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(["idp", "--port", "x"], id="argument"),
        pytest.param(["idp", "--clients", "nowhere.json"], id="file"),
        pytest.param(["worker", "--set", "IDP_SESSION_NOTHING=1"], id="setting"),
        pytest.param(["idp", "--tls-cert", "x.pem"], id="certificate without key"),
        pytest.param(
            ["idp", "--tls-cert", "x.pem", "--tls-key", "y.pem"], id="no certificate"
        ),
    ],
)
def test_exit_code(tmp_path: Path, given: list[str]) -> None:
    """A start that fails is one line on standard error, and exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "sample_idp", *given],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sample_idp: ")
    assert len(done.stderr.splitlines()) == 1


def test_database_urls_hide_their_password(tmp_path: Path) -> None:
    """A password is not shown by the settings."""
    found = settings(tmp_path, "--database", "postgresql+psycopg://u:secret@h/x")

    assert "secret@" not in repr(found)
    assert isinstance(found.database, sa.URL)
