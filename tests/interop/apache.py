"""Debian's Apache with mod_auth_openidc, as a private process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import wait_until
from tests.services import unavailable

from .sites import apache_site
from .sites import SECRET
from .sites import Site

__all__ = ["SITES", "Apache"]

#: One site for each way of hearing of a logout.
SITES = ("apache-back", "apache-front", "apache-frames")

_HERE = Path(__file__).parent / "apache"
_MODULES = Path("/usr/lib/apache2/modules")


class Apache:
    """Never the machine's own: its files are in a folder, its ports are free ones."""

    def __init__(
        self, *, tls: tuple[str, str, str] | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._program = _program()
        self._tls = tls
        scheme = "https" if tls else "http"
        self._ports = {name: free_port() for name in SITES}
        self.sites: dict[str, Site] = {
            name: apache_site(name, f"{scheme}://{host}:{port}")
            for name, port in self._ports.items()
        }
        # Apache gives up root's rights, and pytest's folders are the owner's alone.
        self._folder = Path(tempfile.mkdtemp(prefix="interop-apache-"))
        self._running: Running | None = None

    def start(self, issuer: str) -> None:
        """Serve the sites; what they knew before they were killed, they know."""
        self._prepare()
        self._running = Running(
            subprocess.Popen(
                [
                    *(self._program, "-DFOREGROUND", "-f", str(_HERE / "httpd.conf")),
                    *(("-DTLS",) if self._tls else ()),
                ],
                env=self._environment(issuer),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        running = self._running
        wait_until(
            lambda: (
                all(map(_answers, self._ports.values()))
                or running.process.poll() is not None
            )
        )
        assert running.process.poll() is None, running.text + self.log

    @property
    def log(self) -> str:
        """What it has complained of."""
        file = self._folder / "error.log"

        return file.read_text() if file.exists() else ""

    def kill(self) -> None:
        """End it and its children as kill -9 does."""
        assert self._running is not None
        self._running.close()
        self._running = None
        # Its children leave the ports a little later than it does.
        wait_until(lambda: not any(map(_answers, self._ports.values())))

    def stop(self) -> None:
        """Leave nothing behind."""
        if self._running is not None:
            self.kill()

        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        self._folder.chmod(0o755)
        shutil.copytree(_HERE / "pages", self._folder / "pages", dirs_exist_ok=True)

        if self._tls:
            # Read when it is needed, and by then it has no rights any more.
            shutil.copy(self._tls[2], self._folder / "ca.pem")

        for name in SITES:
            cache = self._folder / "cache" / name
            cache.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(cache, "www-data", "www-data")

        # One that was killed could not remove it.
        with contextlib.suppress(FileNotFoundError):
            (self._folder / "httpd.pid").unlink()

    def _environment(self, issuer: str) -> dict[str, str]:
        back, front, frames = (str(self._ports[name]) for name in SITES)
        certificate, key, _ = self._tls or ("", "", "")

        return os.environ | {
            "INTEROP_FOLDER": str(self._folder),
            "INTEROP_MODULES": str(_MODULES),
            "INTEROP_ISSUER": issuer,
            "INTEROP_SECRET": SECRET,
            "INTEROP_BACK": back,
            "INTEROP_FRONT": front,
            "INTEROP_FRAMES": frames,
            "INTEROP_CERTIFICATE": certificate,
            "INTEROP_KEY": key,
        }


def _program() -> str:
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    program = shutil.which("apache2", path=search)

    if program is None:
        unavailable("apache", "apache2 is not installed")
    if not (_MODULES / "mod_auth_openidc.so").exists():
        unavailable("apache", "libapache2-mod-auth-openidc is not installed")

    return program


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
