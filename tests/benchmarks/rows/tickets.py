"""What it costs to seal a ticket and to open it, and how long it becomes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Sequence
from datetime import datetime
from datetime import UTC
from typing import Any

from cryptography.fernet import Fernet
from joserfc import jwe
from joserfc.jwk import OctKey

from idp_session import AuthenticationProperties
from idp_session import Principal
from idp_session import Ticket
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.services.tickets import TicketSealer
from idp_session.testing import make_session

from ..comparing import OURS
from ..measuring import interleaved
from ..peers.texts import PRINCIPAL
from ..peers.texts import SECRET
from ..peers.texts import SUBJECT
from ..peers.texts import USER
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["seal_and_open"]

_JSON_SIZE = 1000
_JWE = "JWE, `dir` with A256GCM (joserfc)"
_FERNET = "Fernet"
_NOTE = (
    "Processor time from the values to what is stored and back; ours makes and reads"
    " the values of the models, too. Sizes are those of what is stored beside the"
    " JSON of the same values, of about 1 kB."
)


def seal_and_open(bench: Bench) -> Sequence[Outcome]:
    """A ticket of 1 kB with three ways to keep it secret."""
    values = _values()
    ours, jwe_, fernet = _Ours(values), _Jwe(), _Fernet()
    size = len(_json(values))
    rounds = interleaved(
        {
            OURS: ours.there_and_back,
            _JWE: lambda: jwe_.opened(jwe_.sealed(values)),
            _FERNET: lambda: fernet.opened(fernet.sealed(values)),
        },
        rounds=bench.few(9, quick=3),
        calls=bench.few(300, quick=100),
        clock=time.process_time,
    )
    timed = [
        Result(
            work="seal and open a ticket of 1 kB",
            ours=rounds.median(OURS) * 1e6,
            unit="µs",
            against=name,
            theirs=rounds.median(name) * 1e6,
            at_most=0.30 if name == _JWE else None,
            spread=rounds.spread(OURS, name),
            note=_NOTE,
        )
        for name in (_JWE, _FERNET)
    ]
    sizes = {
        "its JSON": (size, 1.08),
        _JWE: (len(jwe_.sealed(values)), None),
        _FERNET: (len(fernet.sealed(values)), None),
    }

    return timed + [
        Result(
            work="size of what is stored",
            ours=ours.size,
            unit="bytes",
            against=name,
            theirs=theirs,
            at_most=goal,
        )
        for name, (theirs, goal) in sizes.items()
    ]


def _values() -> dict[str, Any]:
    # As much as our own ticket says, and then what makes it 1 kB.
    values = {
        "idp": "local",
        "amr": USER["amr"],
        "acr": USER["acr"],
        "claims": {**USER["claims"], "about": ""},
        "factors": {},
        "items": {},
        "persistent": False,
        "lifetime": None,
    }
    values["claims"]["about"] = "x" * (_JSON_SIZE - len(_json(values)))

    return values


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


class _Ours:
    def __init__(self, values: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        self._sealer = TicketSealer(AesGcmTicketProtector(SECRET))
        self._record = make_session(
            subject_id=SUBJECT,
            display_name=PRINCIPAL["display_name"],
            authenticated_at=now,
        )
        self._ticket = Ticket(
            principal=Principal(
                subject_id=SUBJECT,
                authenticated_at=now,
                identity_provider=values["idp"],
                **{**PRINCIPAL, "claims": values["claims"]},
            ),
            properties=AuthenticationProperties(),
        )
        self.size = len(self._sealer.seal(self._ticket, record=self._record).ticket)

        if self.there_and_back() != self._ticket.principal:
            raise RuntimeError("what was sealed is not what was opened")

    def there_and_back(self) -> Principal:
        sealed = self._sealer.seal(self._ticket, record=self._record)
        opened = self._sealer.open(sealed)

        if opened is None:
            raise RuntimeError("no key opens the ticket")

        # It is decoded when somebody asks.
        return opened.principal


class _Jwe:
    def __init__(self) -> None:
        self._key = OctKey.import_key(os.urandom(32))
        self._header = {"alg": "dir", "enc": "A256GCM"}

    def sealed(self, values: dict[str, Any]) -> str:
        return jwe.encrypt_compact(self._header, _json(values), self._key)

    def opened(self, sealed: str) -> object:
        return json.loads(jwe.decrypt_compact(sealed, self._key).plaintext or b"")


class _Fernet:
    def __init__(self) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(os.urandom(32)))

    def sealed(self, values: dict[str, Any]) -> bytes:
        return self._fernet.encrypt(_json(values))

    def opened(self, sealed: bytes) -> object:
        return json.loads(self._fernet.decrypt(sealed))
