"""The command line."""

from __future__ import annotations

import argparse
import json
from typing import Any

from idp_session import options

from .errors import StartError

__all__ = ["parse"]

_DEFAULT_NETWORKS = "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS="


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise StartError(message)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command and its options.

    :param arguments: Without the name of the program.
    :raises StartError: If they cannot be understood.
    """
    parser = _Parser(prog="python -m sample_idp", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    parser.set_defaults(command="demo")
    commands.add_parser("demo", help="the provider and two clients (the default)")
    provider = commands.add_parser("idp", help="the provider alone")
    _add_shared(provider)
    _add_server(provider)
    worker = commands.add_parser(
        "worker", help="a dedicated delivery and clean-up process"
    )
    _add_shared(worker)

    return parser.parse_args(arguments)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        default=".sample_idp",
        help="keys and default database; created when missing (default: %(default)s)",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="an SQLAlchemy URL (default: an SQLite file in DIR)",
    )
    parser.add_argument(
        "--clients",
        metavar="FILE",
        action="append",
        default=[],
        help="a JSON list of clients, added or replaced at start; repeatable",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_setting,
        dest="settings",
        help=f"any {options.PREFIX}* setting, repeatable; --set {_DEFAULT_NETWORKS} "
        "(nothing after the sign) refuses back-channel targets on loopback, as the "
        "package does by default",
    )
    parser.add_argument(
        "--ca-file",
        metavar="FILE",
        help="a CA that the back-channel sender trusts besides the system's",
    )


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1")
    parser.add_argument("--port", metavar="N", type=_port, default=5000)
    parser.add_argument("--issuer", metavar="URL", help="(default: http://localhost:N)")
    parser.add_argument(
        "--open-registration",
        action="store_true",
        help="dynamic client registration without a token",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="serve https")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's key")
    parser.add_argument(
        "--processes", metavar="N", type=_count, default=1, help="(default: 1)"
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=_count,
        default=8,
        help="of each process; half of them may hold an event stream (default: 8)",
    )
    parser.add_argument(
        "--id-token-lifetime",
        metavar="S",
        type=_count,
        default=3600,
        help="seconds (default: 3600)",
    )


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")

    if not sign or not name.startswith(options.PREFIX):
        raise argparse.ArgumentTypeError(
            f"{name!r}: write {options.PREFIX}NAME=VALUE; "
            "docs/reference/options.md lists the names"
        )

    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _port(text: str) -> int:
    return _number(text, least=1, most=65535)


def _count(text: str) -> int:
    return _number(text, least=1, most=2**31)


def _number(text: str, *, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not between {least} and {most}")

    return int(text)
