"""The commands, the unit and the containers of the guides, as real processes."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import SectionProxy
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml  # type: ignore[import-untyped]

from ..brokers import Broker
from ..brokers import BROKERS
from ..brokers import scratch_broker
from ..ports import free_port
from ..sample.processes import Running
from ..sample.processes import wait_until
from ..services import unavailable
from .deployed import bare_environment
from .deployed import Deployed
from .deployed import deployed
from .deployed import ROOT
from .deployed import run
from .deployed import started
from .docs_examples import blocks
from .docs_examples import EXAMPLES
from .tutorial_folder import fields

pytestmark = pytest.mark.process

GUIDES = ROOT / "docs" / "guides"
_SECONDS = 60


def block(page: Path, containing: str) -> str:
    """The one piece of a page, in whatever language, that has a text in it."""
    found = re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.M | re.S)
    [text] = [each for each in found if containing in each]

    return str(text)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(tmp_path / "srv" / "idp") as provider:
        yield provider


def delivers(process: Running) -> bool:
    """Whether it has come as far as to know what to do when it is to end."""
    return "delivering" in process.text


def ended(process: Running, seconds: float) -> int:
    """The exit code of a process that is asked to end, within its time."""
    process.process.send_signal(signal.SIGTERM)

    return process.process.wait(seconds)


def read_settings(file: Path) -> dict[str, str]:
    """A file of the environment, as systemd and Compose read it."""
    lines = file.read_text().splitlines()

    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def sign_in_and_out(provider: Deployed, address: str) -> str:
    """As a person does who uses the shop meanwhile; returns the id of the session."""
    wait_until(lambda: _answers(address), _SECONDS)
    browser = requests.Session()
    browser.trust_env = False
    form = {"username": "alice", "password": "alice"}
    browser.post(
        f"{address}/login", data=form, allow_redirects=False, timeout=_SECONDS
    ).raise_for_status()
    session_id = provider.only_session()
    provider.join(session_id)
    end_session = f"{address}/connect/endsession"
    question = browser.get(end_session, timeout=_SECONDS).text
    answer = {**fields(question), "answer": "yes"}
    page = browser.post(end_session, data=answer, timeout=_SECONDS)
    assert "You are signed out" in page.text

    return session_id


def _answers(address: str) -> bool:
    try:
        requests.head(address, timeout=_SECONDS)
    except requests.ConnectionError:
        return False

    return True


class TestCelery:
    """The guide to Celery, with a broker that is there."""

    PAGE = GUIDES / "celery.md"

    @pytest.fixture(params=BROKERS)
    def broker(self, request: pytest.FixtureRequest) -> Iterator[Broker]:
        with scratch_broker(request.param) as broker:
            yield broker

    @pytest.fixture
    def site(self, provider: Deployed, broker: Broker) -> Deployed:
        """The provider of the README, set up as the guide says."""
        [set_up] = blocks(self.PAGE)
        [address] = re.findall(r'broker="(.+?)"', set_up)

        if broker.url.startswith("redis"):
            redis = block(self.PAGE, "redis://").strip()
            set_up = set_up.replace(address, redis)
            address = redis

        assert address.partition(":")[0] == broker.url.partition(":")[0]
        provider.edit(
            "idp_session.init_app(app, clients=clients, signer=",
            "set_up(app, idp_session, clients, signer=",
        )
        provider.put_before(
            set_up.replace(address, broker.url).replace("logouts", broker.queue)
            # Others use the same broker at the same time.
            + "celery.conf.worker_enable_remote_control = False\n"
            + "celery.conf.broker_transport_options = "
            + f"{{'global_keyprefix': {broker.queue!r}}}\n"
        )
        (provider.folder / "worker.py").write_text(block(self.PAGE, "create_app()"))

        return provider

    def test_the_workers_of_the_guide(self, site: Deployed, broker: Broker) -> None:
        """A worker and a beat, typed as in the guide, tell of a command's logout."""
        lines = block(self.PAGE, "celery -A").replace("logouts", broker.queue)
        worker, _ = [site.start(*shlex.split(line)) for line in lines.splitlines()]
        signed_in = site.sign_in()

        site.run(f"flask idp-session sessions end --session {signed_in} --yes")
        wait_until(lambda: site.is_delivered(signed_in), _SECONDS)
        # Of this one no message says a word, but beat's.
        owed = site.owe()
        wait_until(lambda: site.is_delivered(owed), _SECONDS)

        assert set(site.receiver.told) == {"shop"}
        assert ended(worker, _SECONDS) == 0


class TestUnit:
    """Workers under systemd."""

    PAGE = GUIDES / "in-production.md"

    @pytest.fixture
    def file(self, provider: Deployed) -> Path:
        """The unit, whose folders and file of settings are those of the test."""
        settings = provider.folder.parent / "idp.env"
        settings.write_text(provider.as_file())
        (provider.folder / ".venv").symlink_to(sys.prefix)
        text = block(self.PAGE, "ExecStart")

        for written, here in (
            ("/srv/idp", provider.folder),
            ("/etc/idp.env", settings),
        ):
            assert written in text
            text = text.replace(written, str(here))

        file = provider.folder.parent / "idp-deliver@.service"
        file.write_text(text)

        return file

    @pytest.fixture
    def service(self, file: Path) -> SectionProxy:
        unit = ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read(file)

        return unit["Service"]

    def test_two_workers(self, provider: Deployed, service: SectionProxy) -> None:
        """What the unit starts has nothing but its file, delivers, and ends in time."""
        environment = read_settings(Path(service["EnvironmentFile"]))
        workers = [
            provider.start(
                *shlex.split(service["ExecStart"]),
                cwd=Path(service["WorkingDirectory"]),
                # As if the package were installed.
                environment=environment | {"PYTHONPATH": str(ROOT)},
            )
            for _ in range(2)
        ]
        wait_until(lambda: all(map(delivers, workers)), _SECONDS)
        owed = provider.owe()
        wait_until(lambda: provider.is_delivered(owed), _SECONDS)
        seconds = float(service["TimeoutStopSec"])

        assert [ended(each, seconds) for each in workers] == [0, 0]

    def test_systemd_knows_every_line(self, file: Path) -> None:
        """There is nothing in the unit that systemd would ignore."""
        program = shutil.which("systemd-analyze")

        if program is None:
            unavailable("systemd", "there is no systemd-analyze")

        result = subprocess.run(
            [program, "verify", "--man=no", "--recursive-errors=no", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )

        assert result.returncode == 0, result.stderr


class TestContainers:
    """The file for Compose: its commands, folders and settings, without containers."""

    PAGE = GUIDES / "in-production.md"

    @pytest.fixture
    def services(self, provider: Deployed) -> dict[str, Any]:
        (provider.folder / "idp.env").write_text(provider.as_file())
        shutil.copy(EXAMPLES / "gunicorn_conf.py", provider.folder / "gunicorn.conf.py")
        services: dict[str, Any] = yaml.safe_load(block(self.PAGE, "services:"))[
            "services"
        ]

        return services

    def test_one_folder_of_keys(self, services: dict[str, Any]) -> None:
        """All of them have the folder of keys, at the place where the provider is."""
        volumes = [each["volumes"] for each in services.values()]

        assert volumes == [["keys:/srv/idp/instance"]] * len(services)

    def test_web_and_workers(
        self, provider: Deployed, services: dict[str, Any]
    ) -> None:
        """Whoever signs out at the web process has the shop told by a worker."""
        port = str(free_port())
        running = {
            name: [
                provider.start(
                    *(each.replace("8000", port) for each in service["command"]),
                    environment=bare_environment(provider.folder)
                    | read_settings(provider.folder / service["env_file"]),
                )
                for _ in range(service.get("deploy", {}).get("replicas", 1))
            ]
            for name, service in services.items()
        }
        ended_session = sign_in_and_out(provider, f"http://127.0.0.1:{port}")
        wait_until(lambda: provider.is_delivered(ended_session), _SECONDS)
        wait_until(lambda: all(map(delivers, running["deliver"])), _SECONDS)

        assert [len(each) for each in running.values()] == [1, 2]
        assert [
            ended(process, float(services[name]["stop_grace_period"].rstrip("s")))
            for name, processes in running.items()
            for process in processes
        ] == [0, 0, 0]


class TestQuickStart:
    """What the README has its reader type to start the provider."""

    def test_what_is_typed(self, provider: Deployed) -> None:
        """The lines of the README start a provider, whose logout reaches the shop."""
        port = str(free_port())
        typed = block(ROOT / "README.md", "flask run").replace("5000", port)
        given = set(re.findall(r"^export (\w+)=", typed, re.MULTILINE))
        environment = {
            name: value
            for name, value in provider.environment.items()
            if name not in given and not name.endswith("IN_PROCESS")
        }
        assert given

        provider.start(
            "/bin/sh",
            "-ec",
            typed,
            environment=environment | {"FLASK_RUN_PORT": port},
        )
        session_id = sign_in_and_out(provider, f"http://localhost:{port}")

        wait_until(lambda: provider.is_delivered(session_id), _SECONDS)


class TestLanguages:
    """The commands of Babel, with which a language is added."""

    PAGE = GUIDES / "languages.md"

    def test_a_language_is_added(self, provider: Deployed) -> None:
        """What Babel makes of the texts is the folder of the guide, and is used."""
        texts = ROOT / "idp_session" / "flask" / "translations" / "idp_session.pot"
        shutil.copy(texts, provider.folder)
        make, compile_it = block(self.PAGE, "pybabel").splitlines()
        catalog = provider.folder / "translations/fr/LC_MESSAGES/idp_session.po"

        provider.run(make)
        words = 'msgid "You can close this page now."\nmsgstr ""'
        text = catalog.read_text()
        assert words in text
        catalog.write_text(text.replace(words, words[:-1] + 'Adieu."'))
        provider.run(compile_it)
        provider.environment["FLASK_IDP_SESSION_TRANSLATIONS_FOLDER"] = "translations"
        page = provider.run(
            "python -c 'from provider import create_app;"
            " print(create_app().test_client().get("
            '"/connect/endsession?ui_locales=fr").text)'
            "'"
        )

        assert "fr/LC_MESSAGES/idp_session.po" in block(self.PAGE, "translations/")
        assert "Adieu." in page


class TestExtras:
    """What is installed beside the package."""

    LINES = [  # noqa: RUF012 - not changed
        pytest.param(line, id=page.stem)
        for page in (
            GUIDES / "in-production.md",
            GUIDES / "relying-party.md",
            ROOT / "docs" / "reference" / "metrics.md",
        )
        for line in re.findall(r"^(?:\$ )?(pip install .+)$", page.read_text(), re.M)
    ]

    @pytest.mark.parametrize("line", LINES)
    def test_there_is_such_an_extra(self, tmp_path: Path, line: str) -> None:
        """What the guide has its reader install is known, and all of it is here."""
        environment = bare_environment(tmp_path) | {
            "PIP_DRY_RUN": "1",
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        said = run(line, cwd=tmp_path, environment=environment)

        assert "does not provide the extra" not in said
        assert "Would install" not in said


class TestContributing:
    """What those type who work on the package."""

    PAGE = ROOT / "docs" / "development" / "contributing.md"
    LINES = [  # noqa: RUF012 - not changed
        pytest.param(line, id=line.partition("tests/")[2])
        for page in (PAGE, PAGE.with_name("interoperability.md"))
        for line in re.findall(
            r"^(?:IDP_\S+ )?\.venv\S+ -m pytest .+$", page.read_text(), re.M
        )
    ]

    @pytest.mark.parametrize("line", LINES)
    def test_there_is_something_to_run(self, tmp_path: Path, line: str) -> None:
        """Each line finds tests, by the names and options that it has."""
        said = run(
            _here(f"{line} --collect-only -q"),
            cwd=ROOT,
            environment=bare_environment(tmp_path),
        )

        assert re.search(r"\d+(/\d+)? tests collected", said)

    def test_another_provider(self, tmp_path: Path) -> None:
        """The suite of the specifications can be run against what has been started."""
        port = str(free_port())
        typed = block(self.PAGE, "--conformance-issuer").replace("5000", port)
        start_it, run_it = _here(typed).splitlines()
        environment = bare_environment(tmp_path)

        # What it keeps is in the folder in which it is started.
        provider = started(
            *shlex.split(start_it), cwd=tmp_path, environment=environment
        )

        try:
            wait_until(lambda: _answers(f"http://localhost:{port}"), _SECONDS)
            said = run(
                f"{run_it} -q -k test_discovery", cwd=ROOT, environment=environment
            )
        finally:
            provider.close()

        assert re.search(r"^\d+ passed", said, re.MULTILINE)


def _here(typed: str) -> str:
    """With the Python of the tests in the place of that of ``make``."""
    assert ".venv/bin/python" in typed

    return typed.replace(".venv/bin/python", sys.executable)
