"""The endpoints at which a client is told that a session has ended."""

import re
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from datetime import UTC

import pytest
from flask import Flask
from flask import Response
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey

from idp_session.relying_party import LogoutReceiver
from idp_session.relying_party import LogoutToken
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard

ISSUER = "https://idp.test:8443/tenant"
SECRET = "a secret of the shop that is long enough"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = "application/x-www-form-urlencoded"
BACK = "/logout/back-channel-logout"
FRONT = "/logout/front-channel-logout"


def logout_token(*, issuer: str = ISSUER) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": issuer,
        "aud": "shop",
        "iat": now,
        "exp": now + timedelta(minutes=2),
        "jti": "token-1",
        "sid": "session-1",
        "events": {EVENT: {}},
    }

    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


class Told:
    """Writes down what the client was told; fails on demand."""

    def __init__(self) -> None:
        self.back: list[str | None] = []
        self.front: list[tuple[str | None, str | None]] = []
        self.failing = False
        #: What it says of the sessions that it has ended.
        self.found: object = None

    def back_channel(self, token: LogoutToken) -> None:
        if self.failing:
            raise RuntimeError("the database of the client is away")

        self.back.append(token.session_id)

    def front_channel(self, issuer: str | None, session_id: str | None) -> object:
        self.front.append((issuer, session_id))

        return self.found


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def validator() -> LogoutTokenValidator:
    return LogoutTokenValidator(
        issuer=ISSUER,
        client_id="shop",
        algorithm="HS256",
        client_secret=SECRET,
        seen=MemoryReplayGuard(),
    )


def serving(receiver: LogoutReceiver, *, policy: str | None = None) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(receiver.blueprint(url_prefix="/logout"))

    @app.after_request
    def hardened(response: Response) -> Response:
        if policy is not None:
            response.headers["Content-Security-Policy"] = policy

        return response

    return app.test_client()


@pytest.fixture
def client(validator: LogoutTokenValidator, told: Told) -> FlaskClient:
    return serving(
        LogoutReceiver(
            validator,
            on_back_channel=told.back_channel,
            on_front_channel=told.front_channel,
        )
    )


@pytest.mark.spec("LTV-01", "LTV-02")
def test_a_good_token(client: FlaskClient, told: Told) -> None:
    """A genuine token ends the session; what else the form holds is ignored."""
    answer = client.post(BACK, data={"logout_token": logout_token(), "extra": "1"})

    assert (answer.status_code, answer.data, told.back) == (200, b"", ["session-1"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="no token"),
        pytest.param("logout_token=", id="empty token"),
        pytest.param("logout_token=a.b.c", id="bad token"),
        pytest.param(
            f"logout_token={logout_token()}&logout_token={logout_token()}",
            id="two tokens",
        ),
        pytest.param(f"logout_token={logout_token(issuer='https://x')}", id="issuer"),
    ],
)
@pytest.mark.spec("LTV-19", "LTV-20")
def test_refusals(client: FlaskClient, told: Told, body: str) -> None:
    """A refusal says so in JSON, and nothing is done."""
    answer = client.post(BACK, data=body, content_type=FORM)

    assert answer.status_code == 400
    assert answer.mimetype == "application/json"
    assert answer.get_json()["error"] == "invalid_request"
    assert answer.get_json()["error_description"]
    assert told.back == []


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/json", id="JSON"),
        pytest.param("multipart/form-data; boundary=x", id="form for files"),
        pytest.param("", id="none"),
    ],
)
def test_other_encodings(client: FlaskClient, content_type: str) -> None:
    """Only an encoded form is read (Back-Channel Logout 1.0 §2.5)."""
    answer = client.post(BACK, data=b"{}", content_type=content_type)

    assert answer.status_code == 400


@pytest.mark.spec("LTV-20")
def test_a_token_in_the_query(client: FlaskClient, told: Told) -> None:
    """A token that is not in the body is not there."""
    answer = client.post(
        BACK, query_string={"logout_token": logout_token()}, content_type=FORM
    )

    assert (answer.status_code, told.back) == (400, [])


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    """A huge body is not read."""
    answer = client.post(BACK, data={"logout_token": "a" * 100_000})

    assert (answer.status_code, answer.get_json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"logout_token": logout_token()}, id="accepted"),
        pytest.param({}, id="refused"),
    ],
)
def test_nothing_is_cached(client: FlaskClient, data: dict[str, str]) -> None:
    """No answer is kept anywhere (Back-Channel Logout 1.0 §2.8)."""
    answer = client.post(BACK, data=data)

    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("GET", id="GET"),
        pytest.param("PUT", id="PUT"),
        pytest.param("DELETE", id="DELETE"),
        pytest.param("OPTIONS", id="OPTIONS"),
    ],
)
@pytest.mark.spec("LTV-20")
def test_other_methods(client: FlaskClient, method: str) -> None:
    """A back-channel logout is a POST."""
    assert client.open(BACK, method=method).status_code == 405


@pytest.mark.spec("LTV-14")
def test_a_repeated_token(client: FlaskClient, told: Told) -> None:
    """A token that did its work is refused."""
    token = logout_token()
    client.post(BACK, data={"logout_token": token})

    answer = client.post(BACK, data={"logout_token": token})

    assert (answer.status_code, told.back) == (400, ["session-1"])


def test_a_failing_client_may_be_told_again(client: FlaskClient, told: Told) -> None:
    """A token whose logout failed is good for another try."""
    token = logout_token()
    told.failing = True
    failed = client.post(BACK, data={"logout_token": token})
    told.failing = False

    again = client.post(BACK, data={"logout_token": token})

    assert (failed.status_code, again.status_code) == (500, 200)


def test_keys_out_of_reach(told: Told) -> None:
    """Without keys the provider is asked to try again later, not told off."""

    def unreachable(*, refresh: bool = False) -> KeySet:
        raise ConnectionError(f"refresh={refresh}")

    validator = LogoutTokenValidator(
        issuer=ISSUER, client_id="shop", algorithm="RS256", keys=unreachable
    )
    client = serving(LogoutReceiver(validator, on_back_channel=told.back_channel))
    unsigned = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"

    answer = client.post(BACK, data={"logout_token": unsigned})

    assert answer.status_code == 503
    assert answer.get_json()["error"] == "temporarily_unavailable"


# Front channel


@pytest.mark.spec("LTV-21")
@pytest.mark.parametrize(
    ("query", "told_of"),
    [
        pytest.param(
            {"iss": ISSUER, "sid": "session-1"},
            [(ISSUER, "session-1")],
            id="issuer and session",
        ),
        pytest.param({}, [(None, None)], id="neither"),
        pytest.param({"iss": "https://other.test", "sid": "session-1"}, [], id="other"),
        pytest.param({"iss": ISSUER}, [], id="issuer alone"),
        pytest.param({"sid": "session-1"}, [], id="session alone"),
        pytest.param({"iss": ISSUER, "sid": ""}, [], id="empty session"),
        pytest.param({"iss": ISSUER, "sid": ["a", "b"]}, [], id="two sessions"),
        pytest.param({"iss": [ISSUER, ISSUER], "sid": "a"}, [], id="two issuers"),
    ],
)
def test_what_the_front_channel_does(
    client: FlaskClient,
    told: Told,
    query: dict[str, str | list[str]],
    told_of: list[tuple[str | None, str | None]],
) -> None:
    """What matches is done, what does not is ignored, and the answer is the same."""
    answer = client.get(FRONT, query_string=query)

    assert (answer.status_code, told.front) == (200, told_of)


def test_a_front_channel_that_requires_a_session(
    validator: LogoutTokenValidator, told: Told
) -> None:
    """Who registered that the session is named does not act without its name."""
    client = serving(
        LogoutReceiver(
            validator,
            on_back_channel=told.back_channel,
            on_front_channel=told.front_channel,
            front_channel_session_required=True,
        )
    )

    assert (client.get(FRONT).status_code, told.front) == (200, [])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        pytest.param("Cache-Control", "no-store", id="not stored"),
        pytest.param("X-Content-Type-Options", "nosniff", id="what it says it is"),
        pytest.param(
            "Content-Security-Policy",
            "default-src 'none'; frame-ancestors https://idp.test:8443",
            id="framed by the provider alone",
        ),
        pytest.param("X-Frame-Options", None, id="no older rule in the way"),
        pytest.param("Content-Type", "text/html; charset=utf-8", id="a page"),
    ],
)
@pytest.mark.spec("LTV-21")
def test_the_frame(client: FlaskClient, header: str, value: str | None) -> None:
    """The answer is a page that the provider may frame and nobody keeps."""
    assert client.get(f"{FRONT}?iss={ISSUER}").headers.get(header) == value


@pytest.mark.parametrize(
    ("found", "state"),
    [
        pytest.param(None, "signed-out", id="says nothing"),
        pytest.param(("a",), "signed-out", id="some"),
        pytest.param(True, "signed-out", id="yes"),
        pytest.param((), "no-session", id="none of them"),
        pytest.param(False, "no-session", id="no"),
    ],
)
def test_the_frame_says_what_has_come_of_it(
    client: FlaskClient, told: Told, found: object, state: str
) -> None:
    """The provider's page hears whether a session has ended, and nobody else does."""
    told.found = found

    answer = client.get(FRONT, query_string={"iss": ISSUER, "sid": "session-1"})

    [nonce] = re.findall(r'<script nonce="([\w-]{24})"', answer.text)
    assert f'data-state="{state}"' in answer.text
    assert 'data-provider="https://idp.test:8443"' in answer.text
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; frame-ancestors https://idp.test:8443; "
        f"script-src 'nonce-{nonce}'"
    )


def test_what_is_not_for_us_is_not_answered(client: FlaskClient) -> None:
    """A frame that names another issuer learns nothing."""
    answer = client.get(FRONT, query_string={"iss": "https://x", "sid": "session-1"})

    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        pytest.param(
            "default-src 'self'; frame-ancestors 'self'",
            "default-src 'self'; frame-ancestors 'self' https://idp.test:8443; "
            "script-src 'self' 'nonce'",
            id="strict",
        ),
        pytest.param(
            "script-src 'unsafe-inline'; frame-ancestors 'none'; default-src *",
            "script-src 'unsafe-inline'; frame-ancestors https://idp.test:8443; "
            "default-src *",
            id="everything inline",
        ),
    ],
)
def test_the_policy_of_the_application(
    validator: LogoutTokenValidator, told: Told, policy: str, sent: str
) -> None:
    """What it says counts, and the provider may frame this page and hear it."""
    receiver = LogoutReceiver(
        validator,
        on_back_channel=told.back_channel,
        on_front_channel=told.front_channel,
    )
    client = serving(receiver, policy=policy)

    answer = client.get(FRONT, query_string={"iss": ISSUER, "sid": "session-1"})

    given = answer.headers["Content-Security-Policy"]
    assert re.sub(r"'nonce-[\w-]{24}'", "'nonce'", given) == sent
    assert client.get("/other").headers["Content-Security-Policy"] == policy


def test_no_front_channel(validator: LogoutTokenValidator, told: Told) -> None:
    """A client without front-channel logout has no endpoint for it."""
    client = serving(LogoutReceiver(validator, on_back_channel=told.back_channel))

    assert client.get(FRONT).status_code == 404


@pytest.mark.parametrize(
    "make_url",
    [
        pytest.param(lambda: f"{FRONT}?iss={ISSUER}&sid=%00%ff", id="not text"),
        pytest.param(lambda: f"{FRONT}?iss[]=1&sid[]=2", id="other names"),
    ],
)
def test_odd_queries(client: FlaskClient, make_url: Callable[[], str]) -> None:
    """An odd query is answered like any other."""
    assert client.get(make_url()).status_code == 200
