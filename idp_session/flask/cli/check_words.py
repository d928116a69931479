"""What the check of a client has found, in words."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from ..._protocol import back_channel
from ..._protocol.back_channel import Verdict
from ...adapters.address_policy import AddressPolicy
from ...models import SendFailure
from ...services.client_check import CheckOutcome
from ...services.client_check import ClientCheck

__all__ = ["explain"]

_OUTCOMES = {
    CheckOutcome.ACCEPTED: "The client takes logout tokens.",
    CheckOutcome.NO_URI: (
        "The client has no back-channel logout URI, so it is never told this way."
    ),
    CheckOutcome.NO_TOKEN: "No logout token can be signed for the client",
    CheckOutcome.UNKNOWN_CLIENT: "There is no such client.",
}

_FAILURES = {
    SendFailure.DNS: (
        "The host name has no address, as seen from this machine. It would be tried "
        "again."
    ),
    SendFailure.CONNECTION: (
        "The connection was refused, reset or cut off. It would be tried again."
    ),
    SendFailure.TLS: (
        "The certificate or the handshake of TLS was not acceptable. A certificate of "
        "an authority of your own is, once IDP_SESSION_DELIVERY_CA_FILE names that "
        "authority. It would be tried again."
    ),
    SendFailure.TIMEOUT: (
        "There was no answer in time; IDP_SESSION_DELIVERY_CONNECT_TIMEOUT and "
        "IDP_SESSION_DELIVERY_TIMEOUT say how long that is. It would be tried again."
    ),
    SendFailure.INVALID_URI: (
        "The back-channel logout URI is not one that can be requested: it must be "
        "https, with a host and without a user name."
    ),
}

_DEFAULT_PORTS = {"http": 80, "https": 443}

_HINTS = {
    400: "Its body may say why; a wrong issuer, audience or key is the usual reason.",
    401: "The endpoint must not ask for a login: the token itself is the proof.",
    403: "If it is protected against forged requests, exempt the endpoint.",
    404: "There is nothing at this address.",
    405: "The endpoint must take POST.",
    415: "The endpoint must take application/x-www-form-urlencoded.",
}


def explain(check: ClientCheck, policy: AddressPolicy) -> str:
    """What was found, and what can be done about it.

    :param check: What was found.
    :param policy: Which addresses this provider permits.
    """
    if check.problem is not None:
        return f"{_OUTCOMES[check.outcome]}: {check.problem}."

    if check.failure is SendFailure.ADDRESS_REFUSED:
        return _refusal(check.uri or "", policy)

    if check.failure is not None:
        return _FAILURES[check.failure]

    if check.outcome is CheckOutcome.NOT_ACCEPTED:
        return _answer(check.status or 0)

    return _OUTCOMES[check.outcome]


def _answer(status: int) -> str:
    verdict = back_channel.verdict_on(status)

    if verdict is Verdict.RETRY:
        return f"The client answered {status}. It would be tried again."

    if verdict is Verdict.FAILED:
        return (
            f"The client answered {status}, where 200 or 204 was expected; it would not "
            "be tried again. Redirects are never followed: register the address that "
            "it leads to."
        )

    hint = _HINTS.get(status, "")

    return (
        f"The client answered {status}: it refuses logout tokens, and would not be "
        f"asked again. {hint}"
    ).rstrip()


def _refusal(uri: str, policy: AddressPolicy) -> str:
    if policy.check_uri(uri) is SendFailure.ADDRESS_REFUSED:
        return _refused_uri(uri, policy)

    refused = _refused_addresses(uri, policy)

    if not refused:
        return "The sender refuses the address of the client."

    return (
        f"The address of the client is not public: {', '.join(refused)}. If it is meant "
        "to be reached, name it in IDP_SESSION_DELIVERY_ALLOWED_HOSTS, or its network "
        "in IDP_SESSION_DELIVERY_ALLOWED_NETWORKS."
    )


def _refused_uri(uri: str, policy: AddressPolicy) -> str:
    parts = urlsplit(uri)

    if parts.scheme == "http" and not policy.allow_http:
        return (
            "Plain http is refused. Register an https URI, or permit it with "
            "IDP_SESSION_DELIVERY_ALLOW_HTTP."
        )

    port = parts.port or _DEFAULT_PORTS[parts.scheme]

    return (
        f"Port {port} is refused. Register an address with another one, or name it in "
        "IDP_SESSION_DELIVERY_ALLOWED_PORTS."
    )


def _refused_addresses(uri: str, policy: AddressPolicy) -> list[str]:
    try:
        parts = urlsplit(uri)
        found = socket.getaddrinfo(
            parts.hostname, parts.port or 443, type=socket.SOCK_STREAM
        )
    except (OSError, ValueError):
        return []

    addresses = dict.fromkeys(str(address[0]) for *_, address in found)

    return [each for each in addresses if not policy.permits(each, host=parts.hostname)]
