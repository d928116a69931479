"""What browsers are just about to be told, in a child process."""

from __future__ import annotations

import os
import signal

import pytest

from idp_session.services.recent_logouts import RecentLogouts


@pytest.mark.process
def test_a_child_does_not_wait_for_its_parent() -> None:
    """Whatever a thread of the parent was about to remember when the child began."""
    recent = RecentLogouts()
    recent.remember("key", "sealed")

    with recent._lock:
        child = os.fork()

        if child == 0:  # pragma: no cover - in the child
            # Should it wait after all, it does not do so for ever.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            os._exit(0 if recent.find("key") == "sealed" else 1)

    assert os.waitpid(child, 0)[1] == 0
