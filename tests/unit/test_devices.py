"""The pages on which people see where they are signed in, and sign out there."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import LogoutReason
from idp_session.flask import protocol_blueprint
from idp_session.models import SendResult
from idp_session.stores.sql import upgrade

from .devices_host import CHROME
from .devices_host import devices_host
from .devices_host import end_links
from .devices_host import LIST
from .devices_host import question
from .devices_host import sign_in
from .docs_examples import examples
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import running

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def host() -> Host:
    return devices_host(config={"keep_ip_address": "shortened"})


def user_of(browser: FlaskClient) -> str | None:
    subject: str | None = browser.get("/whoami").get_json()["subject"]

    return subject


def end(browser: FlaskClient, address: str) -> TestResponse:
    """Sign out there, with the question answered; gives the page after it."""
    action, fields = question(browser, address)
    answer = browser.post(action, data=fields)
    assert answer.status_code == 303, answer.text

    return browser.get(answer.location)


# The list


def test_what_is_said_of_a_device(host: Host) -> None:
    """Each device with its browser, system, network, times and applications."""
    here = sign_in(host)
    host.clock.tick(2 * MINUTE)
    sign_in(host, "shop", "mail", user_agent=CHROME, address="198.51.100.9")
    host.clock.tick(31 * MINUTE)

    page = here.get(LIST)

    text = Page(page).text
    assert "Firefox on Linux this device active now · 203.0.113.0/24" in text
    assert "Chrome Mobile on Android active within the last 31 minutes" in text
    assert "198.51.100.0/24 signed in 31 minutes ago Applications: Shop, Mail" in text
    assert re.search(r'<time datetime="[^"]+\+00:00" title="[^"]+ UTC">', page.text)


def test_this_device_comes_first(host: Host) -> None:
    """However old it is, this device is on top, once, and signs out as ever."""
    here = sign_in(host)
    host.clock.tick(MINUTE)
    sign_in(host, user_agent=CHROME)

    page = here.get(LIST)

    assert page.text.index("Firefox") < page.text.index("Chrome")
    assert page.text.count("this device") == 1
    assert 'href="/connect/endsession"' in page.text
    assert len(end_links(page)) == 1


def test_only_one_device(host: Host) -> None:
    """Somebody without other devices is offered nothing to do to others."""
    page = sign_in(host).get(LIST)

    assert "end-others" not in page.text
    assert end_links(page) == []


def test_long_list(host: Host) -> None:
    """Every device is on one page, and pages lead back."""
    here = sign_in(host)

    for number in range(25):
        host.clock.tick(timedelta(seconds=1))
        sign_in(
            host, "shop", user_agent=f"Own/{number} (x)", address=f"10.0.{number}.1"
        )

    seen: list[str] = []
    page = here.get(LIST)

    while True:
        seen += re.findall(r"10\.0\.(\d+)\.0/24", page.text)
        following = re.search(r'href="([^"]+)" rel="next"', page.text)

        if following is None:
            break

        page = here.get(following[1])

    assert sorted(map(int, seen)) == list(range(25))
    assert 'rel="prev"' in page.text


def test_expired_sessions_are_no_devices(host: Host) -> None:
    """What has expired is not shown, although nobody has ended it yet."""
    sign_in(host, user_agent=CHROME)
    host.clock.tick(timedelta(hours=3))

    page = sign_in(host).get(LIST)

    assert "Chrome" not in page.text


def test_way_back_through_a_long_list(host: Host) -> None:
    """From the last page one comes back to the first, with this device on top."""
    here = sign_in(host, user_agent=CHROME)

    for _ in range(25):
        host.clock.tick(timedelta(seconds=1))
        sign_in(host)

    page = here.get(LIST)

    for step in ("next", "next", "prev", "prev"):
        (link,) = re.findall(rf'href="([^"]+)" rel="{step}"', page.text)
        page = here.get(link)

    assert "Chrome Mobile on Android this device" in Page(page).text
    assert 'rel="prev"' not in page.text


@pytest.mark.parametrize("many", [pytest.param(12, id="12"), pytest.param(60, id="60")])
def test_what_a_list_costs(sqlite_engine: sa.Engine, many: int) -> None:
    """However many devices somebody has, a page reads the same few rows."""
    upgrade(sqlite_engine)
    host = devices_host(engine=sqlite_engine)
    here, *_ = [sign_in(host, "shop") for _ in range(many)]
    seen: list[str] = []

    @sa.event.listens_for(sqlite_engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement.split()[0])

    answer = here.get(LIST)

    sa.event.remove(sqlite_engine, "before_cursor_execute", note)
    assert set(seen) == {"SELECT"}
    assert len(seen) <= 16
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("prefix", "name", "path"),
    [
        pytest.param("/account/sessions", "own", "/account/sessions", id="no slash"),
        pytest.param("/account/sessions", "own", "/account/sessions/", id="slash"),
        pytest.param("/me/über", "x_y", "/me/über/", id="another prefix"),
        pytest.param(None, "bare", "/", id="no prefix"),
    ],
)
def test_wherever_it_is_mounted(prefix: str | None, name: str, path: str) -> None:
    """It works below any prefix and under any name."""
    host = devices_host(prefix=prefix, name=name)
    here, other = sign_in(host), sign_in(host)

    page = here.get(path)
    assert page.status_code == 200
    end(here, end_links(page)[0])

    assert user_of(other) is None


def test_beside_a_protocol_blueprint_of_another_name() -> None:
    """The styles and the sign-out of this device are found under any name."""
    host = devices_host(protocol="single_sign_on")
    here = sign_in(host)

    page = here.get(LIST)

    assert 'href="/connect/endsession"' in page.text
    assert 'href="/connect/static/idp_session.css"' in page.text


# Signing out there


def test_ending_one(host: Host) -> None:
    """After a question that device is signed out, and its applications are told."""
    here = sign_in(host)
    other = sign_in(host, "shop")
    third = sign_in(host, user_agent=CHROME)
    ended_id = other.get("/whoami").get_json()["sid"]
    address = next(a for a in end_links(here.get(LIST)) if "Shop" in here.get(a).text)

    page = end(here, address)

    assert "One device was signed out" in Page(page).text
    assert "Shop not reached yet" in Page(page).text
    assert (user_of(here), user_of(other), user_of(third)) == ("alice", None, "alice")
    (owed,) = host.owed(ended_id)
    assert owed.reason is LogoutReason.USER


def test_ending_all_others(host: Host) -> None:
    """All others are signed out, whatever page of the list they were on."""
    here = sign_in(host)
    others = [sign_in(host, "shop") for _ in range(23)]
    bob = sign_in(host, subject="bob")

    page = end(here, f"{LIST}end-others")

    assert "23 devices were signed out" in Page(page).text
    assert "The others were signed out, too" in Page(page).text
    assert {user_of(each) for each in others} == {None}
    assert (user_of(here), user_of(bob)) == ("alice", "bob")


def test_nobody_left(host: Host) -> None:
    """When the others are gone by the time of the answer, it says so."""
    here, other = sign_in(host), sign_in(host)
    action, fields = question(here, f"{LIST}end-others")
    other.post("/logout")

    answer = here.post(action, data=fields, follow_redirects=True)

    assert "Nobody was signed in there any more" in answer.text


def test_cancelling(host: Host) -> None:
    """Looking at the question ends nothing."""
    here, other = sign_in(host), sign_in(host)

    question(here, end_links(here.get(LIST))[0])
    question(here, f"{LIST}end-others")

    assert user_of(other) == "alice"


def test_already_signed_out(host: Host) -> None:
    """Of two who end the same device, the second is told that it is over."""
    here, other = sign_in(host), sign_in(host)
    action, fields = question(here, end_links(here.get(LIST))[0])
    other.post("/logout")

    answer = here.post(action, data=fields)

    assert answer.status_code == 404
    assert "not any more" in answer.text


@pytest.fixture
def sending() -> Iterator[Host]:
    with running(devices_host(config={"delivery_in_process": True})) as host:
        host.sender.answers["https://mail.test/back"] = SendResult(status=400)
        yield host


def test_what_happened_to_the_applications(sending: Host) -> None:
    """Who has confirmed, who could not be told, and who is still to be told."""
    here = sign_in(sending)
    sign_in(sending, "shop", "mail", "news")
    result = end(here, end_links(here.get(LIST))[0])

    def shown() -> str:
        return Page(here.get(result.request.full_path)).text

    until = time.monotonic() + 30
    while "not reached yet" in shown() and time.monotonic() < until:
        time.sleep(0.05)

    text = shown()
    assert "Shop signed out" in text
    assert "Mail could not be told; sign out there yourself" in text
    assert '<b>News</b> & "more" could not be told' in text


def test_result_that_may_change(host: Host) -> None:
    """What is not known yet is looked at again: by script, and by a link without."""
    here = sign_in(host)
    sign_in(host, "shop")

    page = end(here, f"{LIST}end-others")

    assert "devices.js" in page.text
    assert "Look again" in page.text
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    host.deliver()
    later = here.get(page.request.full_path)
    assert "Shop signed out" in Page(later).text
    assert "devices.js" not in later.text
    assert "connect-src" not in later.headers["Content-Security-Policy"]


def test_front_channel_of_another_browser(host: Host) -> None:
    """No frame is loaded here for somebody who is signed out there."""
    here = sign_in(host)
    sign_in(host, "mail", "news")

    page = end(here, f"{LIST}end-others")

    assert Page(page).frames == []
    assert "frame-src 'none'" in page.headers["Content-Security-Policy"]


# Who is let in


def test_nobody_is_signed_in(host: Host) -> None:
    """Whoever is not signed in is led to the sign-in page, and comes back."""
    answer = host.browser().get(f"{LIST}end-others")

    assert answer.location == "/sign-in?next=/account/sessions/end-others"


def test_form_of_somebody_who_has_been_signed_out(host: Host) -> None:
    """A form that comes too late leads back to the list, which can be looked at."""
    here, _ = sign_in(host), sign_in(host)
    action, fields = question(here, f"{LIST}end-others")
    here.post("/logout")

    assert here.post(action, data=fields).location == f"/sign-in?next={LIST}"


def test_fresh_authentication() -> None:
    """With the option, whoever has not proved lately who they are does so first."""
    host = devices_host(config={"devices_authentication_lifetime": 600})
    here, other = sign_in(host), sign_in(host)
    host.clock.tick(11 * MINUTE)
    (link,) = end_links(here.get(LIST))

    asked = here.get(link)
    assert asked.location.startswith("/sign-in?next=/account/sessions/end%3Fdevice")
    here.post("/login/alice")

    end(here, unquote(asked.location.partition("next=")[2]))
    assert user_of(other) is None


@pytest.mark.parametrize("path", ["end", "end-others"])
def test_authentication_that_becomes_old_meanwhile(path: str) -> None:
    """The form is refused too, when the proof is too old by then."""
    host = devices_host(config={"devices_authentication_lifetime": 60})
    here, other = sign_in(host), sign_in(host)
    (link,) = end_links(here.get(LIST))
    action, fields = question(here, link if path == "end" else f"{LIST}end-others")
    host.clock.tick(2 * MINUTE)

    answer = here.post(action, data=fields)

    assert answer.location.startswith(f"/sign-in?next=/account/sessions/{path}")
    assert user_of(other) == "alice"


@pytest.mark.parametrize("path", ["", "end?device=x", "end-others", "ended?result=x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_sessions_in_cookies(path: str, method: str) -> None:
    """Where sessions are in cookies, it says that there is no list."""
    host = devices_host(config={"tickets": "cookie"}, store=None)

    answer = sign_in(host).open(LIST + path, method=method)

    if method == "POST" and path in {"", "ended?result=x"}:
        assert answer.status_code == 405
    else:
        assert answer.status_code == 404
        assert "There is no list of devices here" in answer.text


# Pages


@pytest.mark.parametrize("path", ["", "end", "end-others"])
def test_headers(host: Host, path: str) -> None:
    """Pages are kept by nobody, framed by nobody, and load nothing from elsewhere."""
    here = sign_in(host)
    sign_in(host, "shop")
    (link,) = end_links(here.get(LIST))

    answer = here.get(link if path == "end" else LIST + path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.text
    assert " style=" not in answer.text


def test_own_templates(host: Host, tmp_path: Path) -> None:
    """A template of the host's of the same name is used instead."""
    (tmp_path / "idp_session").mkdir()
    own = tmp_path / "idp_session" / "devices_links.html"
    own.write_text('<a href="/account/">Your account</a>')
    host.app.template_folder = str(tmp_path)

    assert '<a href="/account/">Your account</a>' in sign_in(host).get(LIST).text


def test_below_a_path_of_the_server(host: Host) -> None:
    """Where the app is not at the root of its host, addresses lead there."""
    answer = host.browser().get(f"{LIST}end-others", base_url="https://idp.test/idp")

    assert answer.location == "/sign-in?next=/idp/account/sessions/end-others"


def test_without_the_parser() -> None:
    """Without the extra everything works, and browsers have no names."""
    program = """
import sys
import time
sys.modules["ua_parser"] = None
from idp_session.flask.devices.words import device_name
print(device_name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"))
"""

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert result.stdout == "A browser or app\n"


def test_example_of_the_guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example leads to the host's own sign-in page, and back."""
    with examples(monkeypatch, tmp_path / "unused") as found:
        host = host_app(register=found["devices"].add_devices)
        host.app.add_url_rule("/sign-in", "login", lambda: "")
        host.app.register_blueprint(protocol_blueprint(), url_prefix="/connect")

        answer = host.browser().get("/account/devices/end-others")
        listed = sign_in(host).get("/account/devices/")

    assert answer.location == "/sign-in?next=/account/devices/end-others"
    assert "this device" in listed.text
