"""Debian's nginx, as a private process in front of one server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..ports import free_port
from ..sample.processes import Running
from ..sample.processes import wait_until
from ..services import unavailable

__all__ = ["nginx_before"]

#: It writes into its folder alone, and keeps the rights of whoever starts it.
_CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;

events {}

http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    server {
        listen 127.0.0.1:%(port)d;

        location / {
            proxy_pass http://127.0.0.1:%(behind)d;
            proxy_set_header Host idp.test;
            include page.conf;
        }
    }
}
"""


@contextmanager
def nginx_before(port: int, folder: Path, *, settings: str = "") -> Iterator[str]:
    """Where nginx listens, which hands everything on to a port of this machine.

    :param port: The server's.
    :param folder: One that is empty, for all that nginx writes.
    :param settings: What a page has its reader write into nginx's configuration.
    """
    program = _program()
    own = free_port()
    (folder / "page.conf").write_text(settings)
    (folder / "nginx.conf").write_text(_CONFIGURATION % {"port": own, "behind": port})
    running = Running(
        subprocess.Popen(
            [program, "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )

    try:
        wait_until(lambda: _answers(own) or running.process.poll() is not None, 30)
        assert running.process.poll() is None, running.text
        yield f"http://127.0.0.1:{own}"
    finally:
        running.close()


def _program() -> str:
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    program = shutil.which("nginx", path=search)

    if program is None:
        unavailable("nginx", "nginx is not installed")

    return program


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
