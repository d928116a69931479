"""Posts logout tokens by libcurl; needs the extra ``curl``."""

from .sender import CurlLogoutSender as CurlLogoutSender

__all__ = ["CurlLogoutSender"]
