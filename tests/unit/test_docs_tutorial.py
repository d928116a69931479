"""Whoever follows the tutorial has a provider that works after every step."""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.sample.processes import wait_until

from .tutorial_folder import at
from .tutorial_folder import changed_files
from .tutorial_folder import fields
from .tutorial_folder import Folder
from .tutorial_folder import Reader
from .tutorial_folder import STEPS
from .tutorial_folder import typed

PAGES = Path(__file__).parents[2] / "docs" / "tutorial"
KNOWN = "The shop knows you: you are alice."
UNKNOWN = "The shop does not know you."
SESSION_ID = re.compile(r"\b[0-9a-f]{32}\b")

_INCLUDED = re.compile(
    r"^```\{literalinclude\} \.\./examples/tutorial/step(?P<step>\d+)/(?P<name>\S+)\n"
    r"(?P<options>(?::.*\n)*)```$",
    re.MULTILINE,
)


def pages() -> str:
    """The whole tutorial, in its order."""
    return "\n".join(page.read_text() for page in sorted(PAGES.glob("*.md")))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after the first step, with alice in the user table."""
    folder = Folder(tmp_path_factory.mktemp("begun"))
    folder.follow(1)
    folder.flask("add-person", "alice", "wonderland")

    return folder.path


@pytest.fixture(scope="module")
def upgraded(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after the second step, with the tables of the package."""
    folder = Folder(shutil.copytree(begun, tmp_path_factory.mktemp("made") / "it"))
    folder.follow(2)
    folder.flask("idp-session", "db", "upgrade")

    return folder.path


@pytest.fixture
def step(request: pytest.FixtureRequest) -> int:
    """The step that the reader has just done."""
    step: int = request.param

    return step


@pytest.fixture
def folder(step: int, request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """The reader's folder after a step."""
    before: Path = request.getfixturevalue("begun" if step == 1 else "upgraded")
    folder = Folder(shutil.copytree(before, tmp_path / "folder"))
    folder.follow(step)

    return folder


@pytest.fixture
def reader(folder: Folder) -> Iterator[Reader]:
    """A browser, while both programs run."""
    with folder.running():
        yield Reader(folder)


def after(*steps: int) -> pytest.MarkDecorator:
    """Run a test in the folder as it is after these steps."""
    return pytest.mark.parametrize(
        "step", [pytest.param(step, id=f"step{step}") for step in steps], indirect=True
    )


@pytest.mark.process
# After the last one it is behind a proxy with a certificate.
@after(*STEPS[:-1])
def test_people_sign_in_to_the_shop(reader: Reader) -> None:
    """After every step alice signs in at the provider and the shop knows her."""
    refused = reader.sign_in("guess")
    before = reader.at_the_shop
    reader.sign_in()

    assert refused.status_code == 401
    assert UNKNOWN in before
    assert KNOWN in reader.at_the_shop


@pytest.mark.process
@after(1)
def test_forms_of_other_sites(reader: Reader, folder: Folder) -> None:
    """Nobody is signed in by a form of another site, or one without a name."""
    form = {"name": "alice", "password": "wonderland"}
    login = f"{folder.issuer}/login"
    foreign = {"Origin": "https://evil.example"}

    assert (
        requests.post(login, data=form, headers=foreign, timeout=60).status_code == 403
    )
    assert reader.post(login, name="alice").status_code == 400


@pytest.mark.process
@after(2)
def test_the_set_up_is_sound(folder: Folder) -> None:
    """As soon as the package is in the app, doctor has no error to tell."""
    assert "\n0 errors, " in folder.flask("idp-session", "doctor", "--offline")


@pytest.mark.process
@after(3)
def test_a_sign_in_is_a_session(reader: Reader, folder: Folder) -> None:
    """Who signs in has a session that the commands list."""
    reader.sign_in()

    assert [each["subject_id"] for each in folder.sessions()] == ["alice"]


@pytest.mark.process
@after(4)
def test_the_shop_takes_part(reader: Reader, folder: Folder) -> None:
    """Who gets a code for the shop has the shop in their session."""
    reader.sign_in()
    [listed] = folder.sessions()
    shown = folder.flask("idp-session", "sessions", "show", listed["session_id"])

    assert "shop" in shown


@pytest.mark.process
@after(4)
def test_nobody_is_asked_where_nobody_can_answer(
    reader: Reader, folder: Folder
) -> None:
    """A silent request is answered to the client, signed in or not."""
    asked = {
        "client_id": "shop",
        "redirect_uri": f"{folder.shop}/callback",
        "response_type": "code",
        "scope": "openid",
        "prompt": "none",
        "state": "a state",
    }
    answer = requests.get(
        f"{folder.issuer}/authorize", params=asked, allow_redirects=False, timeout=60
    )

    assert answer.headers["Location"].startswith(f"{folder.shop}/callback?")
    assert "error=login_required" in answer.headers["Location"]
    assert "state=a+state" in answer.headers["Location"]


@pytest.mark.process
@after(5)
def test_signing_out_at_the_shop(reader: Reader, folder: Folder) -> None:
    """The shop's button ends the session at the provider and leads back."""
    reader.sign_in()
    back = reader.post(f"{folder.shop}/logout")
    metadata = reader.get(f"{folder.issuer}/.well-known/openid-configuration").json()

    assert metadata["end_session_endpoint"] == f"{folder.issuer}/connect/endsession"
    assert back.url.startswith(f"{folder.shop}/")
    assert UNKNOWN in back.text
    assert "Nobody is signed in" in reader.at_the_provider
    assert folder.sessions() == []


@pytest.mark.process
@after(6)
def test_signing_out_at_the_provider(reader: Reader, folder: Folder) -> None:
    """The shop is told by the back channel, and lets nobody in with its old cookie."""
    reader.sign_in()
    page = reader.sign_out_at_the_provider()
    wait_until(lambda: UNKNOWN in reader.at_the_shop, 60)

    assert "You are signed out" in page.text
    assert "Nobody is signed in" in reader.at_the_provider


@pytest.mark.process
@after(6)
def test_what_has_happened_is_seen(reader: Reader, folder: Folder) -> None:
    """Step 7: the commands show the session, then the delivery and what came of it."""
    doctor = folder.flask("idp-session", "doctor")
    reader.sign_in()
    sessions = folder.flask("idp-session", "sessions", "list")
    [session] = folder.sessions()
    checked = folder.flask("idp-session", "check-client", "shop")
    shown = folder.flask("idp-session", "sessions", "show", session["session_id"])
    ended = folder.flask(
        "idp-session", "sessions", "end", "--session", session["session_id"], "--yes"
    )
    wait_until(lambda: UNKNOWN in reader.at_the_shop, 60)
    wait_until(lambda: _state_of_the_delivery(folder) == "delivered", 60)

    assert "alice" in sessions
    assert "shop" in shown
    assert "The client takes logout tokens." in checked
    assert "1 session ended" in ended
    assert "\n0 errors, 1 warning\n" in doctor


@pytest.mark.process
@after(8)
def test_the_browser_tells_the_shop_too(reader: Reader, folder: Folder) -> None:
    """The signed-out page has a frame, and loading it signs alice out of the shop."""
    metadata = reader.get(f"{folder.issuer}/.well-known/openid-configuration").json()
    reader.sign_in()
    page = reader.sign_out_at_the_provider().text
    [frame] = re.findall(r'<iframe[^>]*src="([^"]+)"', page)
    told = reader.get(frame.replace("&amp;", "&"))

    assert frame.startswith(f"{folder.shop}/front-channel-logout?")
    assert told.status_code == 200
    assert UNKNOWN in reader.at_the_shop
    assert reader.get(metadata["check_session_iframe"]).status_code == 200


@pytest.mark.process
@after(9)
def test_a_lost_phone(reader: Reader, folder: Folder) -> None:
    """Who signs out another device on the devices page signs it out of the shop."""
    phone = Reader(folder)
    phone.sign_in()
    reader.sign_in()
    devices = f"{folder.issuer}/account/devices/"
    [others] = re.findall(r'href="([^"]*others[^"]*)"', reader.get(devices).text)
    question = reader.get(folder.issuer + others)
    reader.post(question.url, **fields(question.text))
    wait_until(lambda: UNKNOWN in phone.at_the_shop, 60)

    assert KNOWN in reader.at_the_shop
    assert "Nobody is signed in" in phone.at_the_provider


@pytest.mark.process
@after(9)
def test_the_devices_page_asks_for_a_sign_in(reader: Reader, folder: Folder) -> None:
    """Who opens it without a session signs in, and is led back to it."""
    devices = f"{folder.issuer}/account/devices/"
    asked = reader.get(devices)
    shown = reader.post(f"{folder.issuer}/login", name="alice", password="wonderland")

    assert asked.url == f"{folder.issuer}/login"
    assert shown.url == devices


@pytest.mark.process
@after(STEPS[-1])
def test_the_settings_for_production(folder: Folder) -> None:
    """With the settings of the last step, doctor has nothing to complain of."""
    said = folder.flask("idp-session", "doctor", "--offline")

    assert "\n0 errors, 0 warnings" in said


def lines(number: int) -> list[str]:
    """What is typed in a step, but for what starts the programs."""
    [page] = PAGES.glob(f"{number:02}-*.md")
    found = [line for line in typed(page) if " run --port " not in line]
    assert found

    return found


@pytest.mark.process
def test_an_empty_folder(tmp_path: Path) -> None:
    """What the first step has its reader type makes the folder, and then alice."""
    folder = Folder(tmp_path)
    typed_lines = lines(1)

    for line in typed_lines:
        if "add-person" in line:
            folder.follow(1)

        said = folder.type(line)
        assert "SECRET_KEY = " in said or "secrets" not in line

    with folder.running():
        reader = Reader(folder)
        reader.sign_in()

        assert KNOWN in reader.at_the_shop


@pytest.mark.process
@pytest.mark.parametrize(
    ("step", "page"), [(2, 2), (9, 9), (10, 10)], indirect=["step"]
)
def test_what_is_typed_before_the_start(folder: Folder, page: int) -> None:
    """The lines of these steps do what they are for while nothing runs yet."""
    for line in lines(page):
        folder.type(line)


@pytest.mark.process
@pytest.mark.parametrize(("step", "page"), [(3, 3), (4, 4), (6, 7)], indirect=["step"])
def test_what_is_typed_meanwhile(reader: Reader, folder: Folder, page: int) -> None:
    """The lines of these steps do what they are for while both programs run."""
    reader.sign_in()
    [session] = folder.sessions()
    exported = ""

    for line in lines(page):
        said = folder.type(exported + SESSION_ID.sub(session["session_id"], line))
        assert "alice" in said or "sessions list" not in line

        if line.startswith("export "):
            exported += f"{line}; "


def test_every_line_is_typed() -> None:
    """No step has lines that the tests above leave out."""
    steps = [int(page.name[:2]) for page in PAGES.glob("[0-9]*.md") if typed(page)]

    assert sorted(steps) == [1, 2, 3, 4, 7, 9, 10]


def _state_of_the_delivery(folder: Folder) -> str:
    listed = json.loads(folder.flask("idp-session", "deliveries", "list", "--json"))
    [delivery] = listed["deliveries"]

    return str(delivery["state"])


def test_every_file_is_shown() -> None:
    """What a step changes is in the tutorial, and nothing else is, in its order."""
    shown = [(int(each["step"]), each["name"]) for each in _INCLUDED.finditer(pages())]
    there = {(step, name) for step in STEPS for name in changed_files(step)}

    assert [step for step, _ in shown] == sorted(step for step, _ in shown)
    assert set(shown) == there
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(each, id=f"step{each['step']}-{each['name']}")
        for each in _INCLUDED.finditer(pages())
    ],
)
def test_what_is_new_is_emphasised(shown: re.Match[str]) -> None:
    """In a file that a step changes, the lines that are new stand out, and no others."""
    step, name = int(shown["step"]), shown["name"]
    before = at(step - 1).get(name)

    if before is None:
        assert "emphasize-lines" not in shown["options"]
        return

    found = re.search(r":emphasize-lines: (.+)", shown["options"])
    assert found is not None
    assert found[1] == new_lines(before, at(step)[name])


def new_lines(before: str, now: str) -> str:
    """The numbers of the lines that were not there before, as Sphinx wants them."""
    matcher = difflib.SequenceMatcher(
        None, before.splitlines(), now.splitlines(), autojunk=False
    )
    spans = [
        (first + 1, last)
        for kind, _, _, first, last in matcher.get_opcodes()
        if kind in {"insert", "replace"}
    ]

    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in spans
    )
