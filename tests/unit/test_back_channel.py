"""Back-Channel Logout 1.0: the claims, the answers, the waits, and registration."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session._protocol.back_channel import check_registration
from idp_session._protocol.back_channel import EVENT
from idp_session._protocol.back_channel import logout_token_claims
from idp_session._protocol.back_channel import retry_delay
from idp_session._protocol.back_channel import TOKEN_TYPE
from idp_session._protocol.back_channel import Verdict
from idp_session._protocol.back_channel import verdict_on
from idp_session.errors import InvalidClientMetadataError
from idp_session.errors import LogoutTokenError

URI = "backchannel_logout_uri"
FLAG = "backchannel_logout_session_required"

FIRST = timedelta(seconds=5)
AT_MOST = timedelta(hours=1)


def claims_about(
    *, sub: str | None = "alice", sid: str | None = "5e55", lifetime: int = 120
) -> dict[str, Any]:
    return logout_token_claims(
        iss="https://idp.test",
        aud="shop",
        iat=1_000_000,
        lifetime=lifetime,
        jti="id-1",
        sub=sub,
        sid=sid,
    )


def delay_after(
    attempts: int, *, jitter: float, retry_after: timedelta | None = None
) -> timedelta:
    return retry_delay(
        attempts=attempts,
        first=FIRST,
        at_most=AT_MOST,
        jitter=jitter,
        retry_after=retry_after,
    )


def test_claims_are_exactly_those_of_the_specification() -> None:
    """A logout token says who, which session, when and what, and no nonce."""
    # BCL-OP-07 to BCL-OP-16, BCL-OP-19, BCL-OP-20
    assert claims_about() == {
        "iss": "https://idp.test",
        "aud": "shop",
        "iat": 1_000_000,
        "exp": 1_000_120,
        "jti": "id-1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "sub": "alice",
        "sid": "5e55",
    }


def test_wire_constants() -> None:
    """The event is named by http, and the token type is the registered one."""
    # BCL-OP-11, BCL-OP-21
    assert EVENT == "http://schemas.openid.net/event/backchannel-logout"
    assert TOKEN_TYPE == "logout+jwt"


@pytest.mark.parametrize(
    ("about", "absent"),
    [
        pytest.param({"sid": None}, "sid", id="all sessions of a user"),
        pytest.param({"sub": None}, "sub", id="one session"),
        pytest.param({"sid": ""}, "sid", id="empty sid"),
    ],
)
def test_one_of_sub_and_sid_is_enough(about: dict[str, Any], absent: str) -> None:
    """What is not known is left out, rather than sent as null or empty."""
    # BCL-OP-13, BCL-OP-23
    assert absent not in claims_about(**about)


@pytest.mark.parametrize(
    "nobody", [pytest.param(None, id="none"), pytest.param("", id="empty")]
)
def test_token_about_nobody(nobody: str | None) -> None:
    """A token that names neither user nor session cannot be built."""
    # BCL-OP-13
    with pytest.raises(LogoutTokenError, match="sub"):
        claims_about(sub=nobody, sid=nobody)


def test_token_that_is_never_valid() -> None:
    """The end of a token lies after its beginning."""
    # BCL-OP-19
    with pytest.raises(ValueError, match="lifetime"):
        claims_about(lifetime=0)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        pytest.param(200, Verdict.ACCEPTED, id="ok"),
        pytest.param(204, Verdict.ACCEPTED, id="no content"),
        pytest.param(201, Verdict.FAILED, id="created"),
        pytest.param(202, Verdict.FAILED, id="accepted for later"),
        pytest.param(301, Verdict.FAILED, id="moved"),
        pytest.param(304, Verdict.FAILED, id="not modified"),
        pytest.param(307, Verdict.FAILED, id="temporary redirect"),
        pytest.param(400, Verdict.REFUSED, id="bad request"),
        pytest.param(404, Verdict.REFUSED, id="not found"),
        pytest.param(499, Verdict.REFUSED, id="last of the refusals"),
        pytest.param(408, Verdict.RETRY, id="timeout"),
        pytest.param(425, Verdict.RETRY, id="too early"),
        pytest.param(429, Verdict.RETRY, id="too many"),
        pytest.param(500, Verdict.RETRY, id="server error"),
        pytest.param(503, Verdict.RETRY, id="unavailable"),
        pytest.param(599, Verdict.RETRY, id="last of the server errors"),
        pytest.param(100, Verdict.FAILED, id="continue"),
        pytest.param(600, Verdict.FAILED, id="beyond HTTP"),
        pytest.param(0, Verdict.FAILED, id="zero"),
    ],
)
def test_status_decides(status: int, verdict: Verdict) -> None:
    """Only 200 and 204 are success, and only what may pass is tried again."""
    # BCL-OP-28, BCL-OP-29, BCL-OP-30, BCL-OP-31
    assert verdict_on(status) is verdict


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"),
    [
        pytest.param(1, 0.5, 5, id="first"),
        pytest.param(2, 0.5, 10, id="second"),
        pytest.param(4, 0.5, 40, id="fourth"),
        pytest.param(11, 0.5, 3600, id="at the bound"),
        pytest.param(10**9, 0.5, 3600, id="huge"),
        pytest.param(0, 0.5, 5, id="none yet"),
    ],
)
def test_wait_grows(attempts: int, shortest: float, longest: float) -> None:
    """The longest wait doubles up to its bound; jitter uses all the room below."""
    assert delay_after(attempts, jitter=0.0) == timedelta(seconds=shortest)
    assert delay_after(attempts, jitter=0.999_999_999_9) == timedelta(seconds=longest)


@given(
    attempts=st.integers(min_value=1),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
    retry_after=st.none() | st.timedeltas(),
)
def test_wait_is_bounded(
    attempts: int, jitter: float, retry_after: timedelta | None
) -> None:
    """No wait is shorter than a tenth of the first one or longer than the bound."""
    delay = delay_after(attempts, jitter=jitter, retry_after=retry_after)

    assert FIRST / 10 <= delay <= AT_MOST


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        pytest.param(timedelta(seconds=90), timedelta(seconds=90), id="honoured"),
        pytest.param(timedelta(days=3), AT_MOST, id="capped"),
        pytest.param(timedelta(0), timedelta(seconds=0.5), id="at once"),
        pytest.param(timedelta(seconds=-9), timedelta(seconds=0.5), id="negative"),
    ],
)
def test_client_asks_for_a_wait(asked: timedelta, waited: timedelta) -> None:
    """``Retry-After`` makes a wait longer, never shorter, and not beyond the bound."""
    assert delay_after(1, jitter=0.0, retry_after=asked) == waited


def test_bound_below_the_first_wait() -> None:
    """A bound that is shorter than the first wait holds all the same."""
    delay = retry_delay(
        attempts=1,
        first=FIRST,
        at_most=timedelta(milliseconds=100),
        jitter=0.5,
        retry_after=None,
    )

    assert delay == timedelta(milliseconds=100)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="nothing"),
        pytest.param({URI: "https://a.test/bc?x=1", FLAG: True}, id="https"),
        pytest.param({URI: "http://a.test/bc", FLAG: False}, id="http with a secret"),
        pytest.param({URI: "https://[2001:db8::1]:8443/bc"}, id="address"),
        pytest.param(
            {URI: "https://a.test/bc", "token_endpoint_auth_method": "none"},
            id="https without a secret",
        ),
    ],
)
def test_accepted_registration(metadata: dict[str, Any]) -> None:
    """What the specification allows is accepted, on any host."""
    # BCL-OP-32
    check_registration(metadata)


@pytest.mark.parametrize(
    ("metadata", "member", "words"),
    [
        pytest.param({URI: "bc"}, URI, "absolute", id="relative"),
        pytest.param({URI: None}, URI, "absolute", id="null"),
        pytest.param({URI: "https://a.test/#x"}, URI, "fragment", id="fragment"),
        pytest.param({URI: "https://u@a.test/"}, URI, "user", id="user"),
        pytest.param({URI: "app:/bc"}, URI, "https", id="custom scheme"),
        pytest.param(
            {URI: "http://a.test/", "token_endpoint_auth_method": "none"},
            URI,
            "https",
            id="http without a secret",
        ),
        pytest.param({FLAG: "false"}, FLAG, "true or false", id="flag as text"),
    ],
)
def test_refused_registration(
    metadata: dict[str, Any], member: str, words: str
) -> None:
    """What the specification forbids is refused, and the member at fault is named."""
    # BCL-OP-32
    with pytest.raises(InvalidClientMetadataError, match=words) as caught:
        check_registration(metadata)

    assert caught.value.member == member
