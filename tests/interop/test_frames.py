"""What a browser carries between the provider and Apache: frames, over TLS."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import sync_playwright

from tests.browser.conftest import launch

from .apache import Apache
from .apache import SITES
from .chromium import Heard
from .chromium import Person
from .field import Field
from .field import Tls
from .visitor import Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.xdist_group("interop"),
]

OpenPerson = Callable[..., Person]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """One certificate for the provider and for Apache."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    certificate.cert_chain_pems[0].write_to_path(files[0])
    certificate.private_key_pem.write_to_path(files[1])
    authority.cert_pem.write_to_path(files[2])

    return str(files[0]), str(files[1]), str(files[2])


@pytest.fixture(scope="module")
def apache(tls: Tls) -> Iterator[Apache]:
    apache = Apache(tls=tls)
    yield apache
    apache.stop()


@pytest.fixture(scope="module")
def field(
    apache: Apache, tls: Tls, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("provider")
    field = Field(folder, *apache.sites.values(), tls=tls)
    apache.start(field.issuer)
    yield field
    field.stop()


@pytest.fixture
def same_site_apache(tls: Tls) -> Iterator[Apache]:
    """Apache on the site of the provider, which is ``localhost``."""
    apache = Apache(tls=tls, host="localhost")
    yield apache
    apache.stop()


@pytest.fixture
def same_site_field(
    same_site_apache: Apache, tls: Tls, tmp_path: Path
) -> Iterator[Field]:
    field = Field(tmp_path, *same_site_apache.sites.values(), tls=tls)
    same_site_apache.start(field.issuer)
    yield field
    field.stop()


@pytest.fixture
def new_person(field: Field, tmp_path: Path) -> Iterator[OpenPerson]:
    """People with a new Chromium; it shows cookies to frames, or hides them."""
    own = field

    with sync_playwright() as playwright:
        contexts: list[BrowserContext] = []

        def new_person(*, third_party_cookies: bool, field: Field = own) -> Person:
            contexts.append(
                launch(
                    playwright,
                    tmp_path / f"profile-{len(contexts)}",
                    third_party_cookies=third_party_cookies,
                    ignore_https_errors=True,
                )
            )
            return Person(contexts[-1], field.provider)

        yield new_person

        for context in contexts:
            context.close()


_COOKIES = pytest.mark.parametrize(
    "third_party_cookies",
    [pytest.param(True, id="shown"), pytest.param(False, id="hidden")],
)


@_COOKIES
def test_the_front_channel_ends_its_session(
    apache: Apache,
    new_person: OpenPerson,
    third_party_cookies: bool,
) -> None:
    """With iss and sid the module needs no cookie in the frame to find its session."""
    site = apache.sites["apache-front"]
    person = new_person(third_party_cookies=third_party_cookies)
    person.sign_in(site.private)

    person.sign_out_at_the_provider()

    person.wait_until_signed_out(site)


def test_the_front_channel_needs_the_page(
    apache: Apache, field: Field, new_visitor: Callable[[Field], Visitor]
) -> None:
    """A browser without frames tells nobody: the session of such a client goes on."""
    site = apache.sites["apache-front"]
    visitor = new_visitor(field)
    visitor.sign_in(site)

    visitor.sign_out_at_the_provider()

    assert visitor.is_signed_in(site)


def test_a_logout_at_one_site_ends_the_others_and_comes_back(
    apache: Apache, new_person: OpenPerson
) -> None:
    """From one site: another hears by a frame, one by the back channel over TLS."""
    person = new_person(third_party_cookies=True)
    back, front, frames = (apache.sites[name] for name in SITES)
    for site in (back, front, frames):
        person.sign_in(site.private)

    page = person.visit(frames.log_out)

    page.wait_for_url(frames.bye)
    assert not person.is_signed_in(frames)
    person.wait_until_signed_out(front)
    person.wait_until_signed_out(back)


def test_the_session_frames_notice_a_logout(
    apache: Apache, new_person: OpenPerson
) -> None:
    """A page that is only open leaves when its user signs out in another tab."""
    site = apache.sites["apache-frames"]
    person = new_person(third_party_cookies=True)
    page = person.sign_in(f"{site.url}/private/frames.shtml")
    heard = Heard(page)
    heard.wait_for("unchanged")

    person.sign_out_at_the_provider()

    person.waits_at_the_sign_in_page(page)
    assert heard.answers[-1] == "changed"
    assert not person.is_signed_in(site)


def test_the_session_frames_leave_a_session_alone(
    apache: Apache, new_person: OpenPerson
) -> None:
    """While nothing happens the iframe says so, and says it again."""
    site = apache.sites["apache-frames"]
    person = new_person(third_party_cookies=True)
    page = person.sign_in(f"{site.url}/private/frames.shtml")
    heard = Heard(page)

    for _ in range(4):
        heard.wait_for("unchanged")

    assert set(heard.answers) == {"unchanged"}
    expect(page.locator("#user")).to_have_text("alice")


def test_the_session_frames_take_a_hidden_cookie_for_a_logout(
    apache: Apache, new_person: OpenPerson
) -> None:
    """The iframe answers ``error``, and this module signs out on it, everywhere."""
    site = apache.sites["apache-frames"]
    person = new_person(third_party_cookies=False)
    person.sign_in(site.private)
    assert person.is_signed_in_at_the_provider()

    page = person.visit(f"{site.url}/private/frames.shtml")

    person.waits_at_the_sign_in_page(page)
    assert not person.is_signed_in(site)
    assert not person.is_signed_in_at_the_provider()


def test_the_session_frames_on_one_site_see_a_hidden_cookie(
    same_site_apache: Apache, same_site_field: Field, new_person: OpenPerson
) -> None:
    """A browser hides cookies from frames of other sites, and this is none."""
    person = new_person(third_party_cookies=False, field=same_site_field)
    site = same_site_apache.sites["apache-frames"]
    page = person.sign_in(f"{site.url}/private/frames.shtml")
    heard = Heard(page)
    heard.wait_for("unchanged")

    person.sign_out_at_the_provider()

    person.waits_at_the_sign_in_page(page)
    assert heard.answers[-1] == "changed"
