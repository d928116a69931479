"""``python -m sample_idp.demo_client``: serves one client, for the demo."""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from ..errors import StartError
from ..server import check_port
from ..server import GunicornServer
from ..server import LOGGING
from .app import create_app

#: The variable that holds the arguments of :func:`.create_app` as JSON.
VARIABLE = "DEMO_CLIENT"

_COLOURS = {"shop": "green", "mail": "violet"}


def main() -> int:
    """Serve until SIGTERM; a start that fails is one line on standard error."""
    try:
        given: dict[str, Any] = json.loads(os.environ.get(VARIABLE, ""))
        address = urlsplit(given["base_url"])
        host, port = address.hostname or "127.0.0.1", address.port or 80
        check_port(host, port)
    except (KeyError, TypeError, ValueError):
        print(f"sample_idp: {VARIABLE} does not describe a client", file=sys.stderr)
        return 2
    except StartError as error:
        print(f"sample_idp: {error}", file=sys.stderr)
        return 2

    _serve(given, bind=f"{host}:{port}")

    return 0


def _serve(given: dict[str, Any], *, bind: str) -> None:
    client_id = given["client_id"]
    defaults = {
        "cookie_name": f"{client_id}_session",
        "theme_colour": _COLOURS.get(client_id, "green"),
    }

    def post_worker_init(_: object) -> None:
        print(f"ready: {given['base_url']}", flush=True)

    GunicornServer(
        create_app(**defaults | given),
        {
            "bind": bind,
            # Its sessions are in the memory of one process.
            "workers": 1,
            "threads": 8,
            "worker_class": "gthread",
            "preload_app": True,
            "graceful_timeout": 2,
            "logconfig_dict": _logging(),
            "control_socket_disable": True,
            "post_worker_init": post_worker_init,
        },
    ).run()


def _logging() -> dict[str, Any]:
    # Its page looks every second, and the queries of its callbacks hold codes.
    quiet = {"level": "WARNING", "handlers": [], "propagate": True}

    return LOGGING | {"loggers": LOGGING["loggers"] | {"gunicorn.access": quiet}}


if __name__ == "__main__":
    sys.exit(main())
