"""Pages in the language of whoever reads them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session.errors import ConfigurationError
from idp_session.flask.applications import ApplicationState
from tests.texts import compiled

from .admin_host import ADMIN
from .admin_host import admin_host
from .admin_host import administrator
from .admin_host import session_id_of
from .devices_host import CHROME
from .devices_host import devices_host
from .devices_host import end_links
from .devices_host import FIREFOX
from .devices_host import LIST
from .devices_host import sign_in
from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import END
from .hosts import Host
from .hosts import host_app
from .hosts import Page

ENGLISH = "Do you want to sign out?"
GERMAN = "Möchten Sie sich abmelden?"
_HEADING = re.compile(r"<h1>\s*(.*?)\s*</h1>", re.DOTALL)


@pytest.fixture
def host() -> Host:
    return host_app()


def question(
    browser: FlaskClient, accepted: str | None = None, **given: str
) -> TestResponse:
    headers = {"Accept-Language": accepted} if accepted else {}

    return browser.get(END, query_string=given, headers=headers)


def heading(response: TestResponse) -> str:
    """The last heading, which is that of the outcome."""
    *_, last = _HEADING.findall(response.text)

    return str(last)


def catalog(folder: Path, language: str, **words: str) -> None:
    """Write a catalog of a host."""
    made = Catalog(locale=language)

    for text, translation in words.items():
        made.add(text.replace("_", " "), translation)

    file = folder / language / "LC_MESSAGES" / "idp_session.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(compiled(made))


@pytest.mark.parametrize(
    ("accepted", "ui_locales", "words", "language"),
    [
        pytest.param(None, None, ENGLISH, "en", id="nothing is said"),
        pytest.param("de-AT,de;q=0.9,en;q=0.8", None, GERMAN, "de", id="the browser"),
        pytest.param("fr,en;q=0.8,de;q=0.5", None, ENGLISH, "en", id="its order"),
        pytest.param("de;q=0", None, ENGLISH, "en", id="not wanted"),
        pytest.param("fr", None, ENGLISH, "en", id="not there"),
        pytest.param("en", "de", GERMAN, "de", id="the request before the browser"),
        pytest.param("de", "fr it", GERMAN, "de", id="the browser where it must"),
        pytest.param("de", "en-GB de", ENGLISH, "en", id="a region"),
        pytest.param("?;;q=x,\x7f", "../../etc/passwd", ENGLISH, "en", id="nonsense"),
    ],
)
def test_the_language_is_chosen(
    host: Host, accepted: str | None, ui_locales: str | None, words: str, language: str
) -> None:
    """By ``ui_locales``, then by the browser; the page says which it is."""
    given = {"ui_locales": ui_locales} if ui_locales else {}

    response = question(host.signed_in("shop"), accepted, **given)

    assert words in response.text
    assert f'<html lang="{language}">' in response.text
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.vary


def test_a_repeated_parameter_is_not_used(host: Host) -> None:
    """What has no defined meaning chooses nothing."""
    response = host.signed_in("shop").get(f"{END}?ui_locales=de&ui_locales=de")

    assert ENGLISH in response.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param("yes", "Sie sind abgemeldet", id="yes"),
        pytest.param("only", "Sie sind von Shop abgemeldet", id="only"),
        pytest.param("no", "Sie sind weiterhin angemeldet", id="no"),
    ],
)
def test_the_language_stays(host: Host, answer: str, words: str) -> None:
    """What the request has asked for holds until the last page."""
    browser = host.signed_in("shop", "mail")
    asked = question(browser, "en", client_id="shop", ui_locales="de")

    page = confirmed(browser, asked, answer)

    if page.status_code == 303:
        page = browser.get(page.location)

    assert heading(page) == words


def test_the_language_stays_where_nobody_is_asked(host: Host) -> None:
    """A logout with a hint shows its last page in the language asked for, too."""
    browser = host.signed_in("shop", "mail")
    question(browser, id_token_hint=host.hint(), ui_locales="de")

    page = browser.get(CALLBACK)

    assert heading(page) == "Sie sind abgemeldet"
    assert "Sie werden von Shop und Mail abgemeldet …" in page.text
    assert "von 2 Anwendungen." in page.text
    assert "in diesem Browser aufgefordert; Bestätigung fehlt" in page.text


def test_the_language_comes_back_with_a_form_of_another_site(host: Host) -> None:
    """A post that brings no cookie comes again, and still speaks the language."""
    host.signed_in("shop")
    stranger = host.browser()
    answer = stranger.post(END, data={"ui_locales": "de"})

    assert heading(stranger.get(answer.location)) == "Sie sind abgemeldet"


def test_names_are_escaped_in_every_language(host: Host) -> None:
    """A client's name is text, whatever it looks like; a name in a row of them, too."""
    host.clients.by_id["shop"] = Client(
        client_id="shop",
        name='<img src=x> & "%(name)s"',
        back_channel_logout_uri="https://shop.test/back",
    )
    browser = host.signed_in("shop", "mail", "news")
    asked = question(browser, "de", client_id="shop")

    page = browser.get(confirmed(browser, asked).location)

    assert "&lt;img src=x&gt; &amp; &#34;%(name)s&#34;</strong> möchte" in asked.text
    assert "<img" not in asked.text + page.text
    assert "<b>News" not in page.text
    assert "Mail and &lt;b&gt;News&lt;/b&gt; &amp; &#34;more&#34;…" in page.text


def test_scripts_have_the_words_from_the_page(host: Host) -> None:
    """What a script writes into the page is in its language."""
    browser = host.signed_in("shop", "mail")
    question(browser, id_token_hint=host.hint(), ui_locales="de")

    page = browser.get(CALLBACK).text
    written = re.search('data-words="([^"]+)"', page)

    assert written is not None
    words = json.loads(html.unescape(written[1]))
    assert words["waiting"] == "noch nicht erreicht; wir versuchen es weiter"
    assert set(words) == {state.value for state in ApplicationState}


def test_languages_of_the_host(tmp_path: Path) -> None:
    """A folder of the host's adds languages and says some things in other words."""
    catalog(tmp_path, "fr", Sign_out="Se déconnecter")
    catalog(tmp_path, "de", Sign_out="Jetzt abmelden")
    catalog(tmp_path, "en", Sign_out="Log out")
    host = host_app(config={"IDP_SESSION_TRANSLATIONS_FOLDER": str(tmp_path)})
    browser = host.signed_in("shop")

    french, german, english = (
        question(browser, language).text for language in ("fr-CA", "de", "en")
    )

    assert ">Se déconnecter<" in french
    assert ENGLISH in french
    assert ">Jetzt abmelden<" in german
    assert GERMAN in german
    assert ">Log out<" in english


def test_a_folder_below_the_app() -> None:
    """A relative path is below the folder of the app, wherever the process runs."""
    with pytest.raises(ConfigurationError, match=r"must be a folder; /.+/nowhere is"):
        host_app(config={"IDP_SESSION_TRANSLATIONS_FOLDER": "nowhere"})


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        pytest.param("en", ENGLISH, id="only English"),
        pytest.param(["de", "en"], GERMAN, id="German for others"),
    ],
)
def test_the_languages_that_a_host_wants(languages: Any, words: str) -> None:
    """No page is in another one, and the first is for whoever wants none of them."""
    host = host_app(config={"IDP_SESSION_LANGUAGES": languages})

    assert words in question(host.signed_in("shop"), "fr,pl").text


def test_a_language_that_is_not_there() -> None:
    """The app does not start with a language that it could not speak."""
    with pytest.raises(ConfigurationError, match="names fr, but"):
        host_app(config={"IDP_SESSION_LANGUAGES": "de,fr"})


def test_texts_of_the_host_stay_its_own(host: Host, tmp_path: Path) -> None:
    """A template of the host's finds the host's translations, and ours beside them."""
    folder = tmp_path / "idp_session"
    folder.mkdir()
    source = "{{ _('a') }} {{ gettext('b') }} {{ text('Sign out') }}"
    (folder / "confirm_logout.html").write_text(source)
    host.app.template_folder = str(tmp_path)
    host.app.jinja_env.globals.update(_=str.upper, gettext=str.upper)

    assert question(host.signed_in("shop"), "de").text == "A B Abmelden"


def test_the_devices_in_german() -> None:
    """The list and the question speak it, times and browsers included."""
    host = devices_host()
    sign_in(host, user_agent=CHROME)
    host.clock.tick(timedelta(minutes=30))
    headers = {"Accept-Language": "de"}
    browser = sign_in(host, user_agent=FIREFOX)

    page = browser.get(LIST, headers=headers)
    asked = browser.get(end_links(page)[0], headers=headers)

    assert page.headers["Content-Language"] == "de"
    assert "Firefox unter Linux" in page.text
    assert "aktiv in den letzten 30 Minuten" in page.text
    assert "vor 30 Minuten</time>" in page.text
    assert "Dort abmelden?" in asked.text
    assert "Sign" not in page.text + asked.text


def test_the_administration_in_german() -> None:
    """The overview, the lists, a session and a refusal speak it."""
    host = admin_host()
    browser = administrator(host)
    host.signed_in("shop", "mail").post("/logout")
    host.deliver()
    session_id = session_id_of(host.signed_in("shop"))
    paths = ("/", "/sessions", f"/sessions/{session_id}", "/deliveries?limit=x")

    overview, sessions, session, refusal = (
        browser.get(ADMIN + path, headers={"Accept-Language": "de"}) for path in paths
    )

    assert "Es bestehen 2 Sitzungen." in overview.text
    assert "Keine steht aus." in overview.text
    assert ">Anzahl</th>" in overview.text
    assert "Alle Sitzungen" in sessions.text
    assert "gerade eben</time>" in sessions.text
    assert "Sitzung von " in session.text
    assert "limit muss eine ganze Zahl sein" in refusal.text
    for page in (overview, sessions, session, refusal):
        assert page.headers["Content-Language"] == "de"
        assert not re.search(r"\b(session|the|and|of|no)\b", Page(page).text)


@pytest.mark.parametrize(
    ("browser", "page"),
    [
        pytest.param(lambda: administrator(admin_host()), f"{ADMIN}/", id="admin"),
        pytest.param(lambda: sign_in(devices_host()), LIST, id="devices"),
    ],
)
def test_no_client_chooses_for_other_pages(
    browser: Callable[[], FlaskClient], page: str
) -> None:
    """``ui_locales`` is what a client says of its user in a logout; these are ours."""
    response = browser().get(f"{page}?ui_locales=de", headers={"Accept-Language": "en"})

    assert response.headers["Content-Language"] == "en"


def test_the_administrators_api_has_one_language() -> None:
    """Programs read the same reasons, whatever language is asked for."""
    browser = administrator(admin_host())

    answer = browser.get(
        f"{ADMIN}/api/deliveries?limit=x", headers={"Accept-Language": "de"}
    )

    assert answer.get_json()["detail"] == "limit must be a whole number"
