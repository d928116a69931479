"""For the tests of hosts: what every store must do, values, and a clock.

Inherit a contract, and define its fixtures for your own store:

.. code-block:: python

    class TestMyStore(SessionStoreContract):
        @pytest.fixture
        def queue(self): ...

        @pytest.fixture
        def store(self, queue): ...

Needs the extra ``testing``.
"""

import pytest

# What fails in a contract should say what the values were.
pytest.register_assert_rewrite(
    f"{__name__}.delivery_ends",
    f"{__name__}.delivery_queue",
    f"{__name__}.delivery_settling",
    f"{__name__}.delivery_upkeep",
    f"{__name__}.logout_sender",
    f"{__name__}.logout_sender_limits",
    f"{__name__}.logout_sender_requests",
    f"{__name__}.logout_sender_tls",
    f"{__name__}.session_changes",
    f"{__name__}.session_ending",
    f"{__name__}.session_expiry",
    f"{__name__}.session_filters",
    f"{__name__}.session_keeping",
    f"{__name__}.session_limits",
    f"{__name__}.session_participants",
    f"{__name__}.session_promotion",
    f"{__name__}.session_queries",
    f"{__name__}.session_records",
)

from .clock import ManualClock as ManualClock  # noqa: E402
from .delivery_queue import DeliveryQueueContract as DeliveryQueueContract  # noqa: E402
from .logout_sender import LogoutSenderContract as LogoutSenderContract  # noqa: E402
from .session_store import SessionStoreContract as SessionStoreContract  # noqa: E402
from .together import together as together  # noqa: E402
from .values import make_participant as make_participant  # noqa: E402
from .values import make_session as make_session  # noqa: E402
from .values import START as START  # noqa: E402

__all__ = [
    "START",
    "DeliveryQueueContract",
    "LogoutSenderContract",
    "ManualClock",
    "SessionStoreContract",
    "make_participant",
    "make_session",
    "together",
]
