"""Logouts of several providers in turns, seen by the user and by the clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import parse_qs

from ..measuring import Rounds
from ..places import Bench
from .processes import Receivers
from .processes import receivers
from .providers import oidc_provider
from .providers import ours
from .providers import Provider
from .providers import uris_of

__all__ = ["OURS", "PEER", "Logouts", "in_turns"]

#: Our provider on SQLite, with the sender of the extra ``curl``.
OURS = "ours"
#: Beside whom.
PEER = "oidc-provider"

# A peer that gave up, because the machine was busy elsewhere, tries again.
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Logouts:
    """What several rounds have shown, by provider."""

    #: How many seconds the user waited for the answer.
    response: Rounds
    #: After how many seconds the last of the clients that answer was told.
    told: Rounds
    #: How many connections there were at once, at the most.
    most_sockets: Mapping[str, int]


def in_turns(
    bench: Bench,
    names: Sequence[str],
    *,
    count: int,
    rounds: int,
    delay: float = 0.0,
    hanging: Sequence[int] = (),
) -> Logouts:
    """Log a user out of many clients, by one provider after the other.

    :param bench: Where.
    :param names: ``OURS``, ``PEER``, ``"PostgreSQL"`` or ``"requests"``.
    :param count: How many clients have joined the session.
    :param rounds: How many figures to take of each.
    :param delay: For how many seconds each client keeps its answer back.
    :param hanging: Which of them never answer.
    :raises UnavailableError: If one of them needs what is not there.
    """
    told: dict[str, list[float]] = {name: [] for name in names}
    response: dict[str, list[float]] = {name: [] for name in names}
    sockets = dict.fromkeys(names, 0)

    with ExitStack() as stack:
        clients = stack.enter_context(receivers())
        uris = uris_of(count, clients.port)
        providers = {name: _start(bench, stack, name, uris) for name in names}

        for number in range(rounds + 1):
            for name, provider in providers.items():

                def begin() -> None:
                    clients.begin(
                        expected=count - len(hanging), delay=delay, hanging=hanging
                    )

                one = _logout(provider, clients, begin, count > len(hanging))

                # The first one warms everybody up.
                if number:
                    response[name].append(one.response)
                    told[name].append(one.told)
                    sockets[name] = max(sockets[name], one.most_sockets)

    return Logouts(response=Rounds(response), told=Rounds(told), most_sockets=sockets)


@dataclass(frozen=True, kw_only=True)
class _One:
    response: float
    told: float
    most_sockets: int


def _logout(
    provider: Provider,
    clients: Receivers,
    begin: Callable[[], None],
    is_anybody_told: bool,
) -> _One:
    for _ in range(_TRIES):
        provider.sign_in()
        begin()
        logout = provider.sign_out()

        if not is_anybody_told:
            return _One(response=logout.seconds, told=0.0, most_sockets=0)

        try:
            seen = clients.wait(15)
        except TimeoutError:
            continue

        _check_token(seen.body)

        return _One(
            response=logout.seconds,
            told=max(seen.told.values()) - logout.asked_at,
            most_sockets=seen.most_sockets,
        )

    raise RuntimeError(f"{_TRIES} times not all clients were told")


def _start(
    bench: Bench, stack: ExitStack, name: str, uris: Mapping[str, str]
) -> Provider:
    if name == PEER:
        node = bench.node("oidc-provider")
        return stack.enter_context(oidc_provider(bench.directory, uris, node=node))

    if name == "PostgreSQL":
        url = stack.enter_context(bench.database("postgres"))
        text = url.render_as_string(hide_password=False)
        return stack.enter_context(ours(bench.directory, uris, url=text))

    if name == "requests":
        return stack.enter_context(
            ours(bench.directory, uris, delivery_sender="requests")
        )

    return stack.enter_context(ours(bench.directory, uris))


def _check_token(body: str) -> None:
    """Refuse to compare work that is not the same work."""
    (token,) = parse_qs(body)["logout_token"]
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=="))
        for part in token.split(".")[:2]
    )

    if (header["alg"], header["typ"]) != ("RS256", "logout+jwt") or "sid" not in claims:
        raise RuntimeError(f"no logout token: {header} {sorted(claims)}")
