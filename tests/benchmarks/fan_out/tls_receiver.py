"""A client that speaks TLS, as a process of its own: one request a connection.

Its certificate is in the file that the command line names. It keeps no sessions, so
that each connection is as dear as that to somebody new.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def _main(certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - for whoever waits

        while True:
            peer, _ = listener.accept()

            with contextlib.suppress(OSError):
                _answer(context, peer)


def _answer(context: ssl.SSLContext, peer: socket.socket) -> None:
    with context.wrap_socket(peer, server_side=True) as connection:
        request = b""

        while b"logout_token=" not in request:
            received = connection.recv(16384)

            if not received:
                return

            request += received

        connection.sendall(_OK)
        connection.unwrap()


if __name__ == "__main__":
    _main(sys.argv[1])
