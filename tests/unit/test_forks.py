"""What a forked child needs of its parent."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

_PROGRAM = """
    import os, socket, threading
    import idp_session.flask

    def look_up():
        socket.getaddrinfo("127.0.0.1", 1)

    looking = threading.Thread(target=look_up)
    looking.start()

    for _ in range(50):
        child = os.fork()

        if child == 0:
            look_up()
            os._exit(0)

        assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.process
def test_a_fork_while_a_name_is_looked_up() -> None:
    """A child can look up names, too, whatever a thread of its parent has begun."""
    program = textwrap.dedent(_PROGRAM)

    finished = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)

    assert finished.returncode == 0
