"""Whose certificates are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

from ..errors import ConfigurationError

__all__ = ["authorities", "tls_context", "usual_authorities"]


def usual_authorities() -> str:
    """The file of those that are trusted in any case, in PEM."""
    # Some megabytes, for those who connect.
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return DEFAULT_CA_BUNDLE_PATH


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifies certificates, and speaks TLS 1.2 or newer.

    :param ca_file: Certificates in PEM that are trusted besides the usual ones.
    :raises ConfigurationError: If the file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(usual_authorities())

    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(
                "IDP_SESSION_DELIVERY_CA_FILE must be a file of certificates in PEM,"
                f" but {ca_file} cannot be loaded: {error}"
            ) from error

    return context


def authorities(ca_file: str | None) -> bytes:
    """The certificates that are trusted, in PEM.

    :param ca_file: Certificates in PEM that are trusted besides the usual ones.
    :raises ConfigurationError: If the file cannot be used.
    """
    tls_context(ca_file)
    files = [usual_authorities()] if ca_file is None else [usual_authorities(), ca_file]

    return b"\n".join(Path(each).read_bytes() for each in files)
