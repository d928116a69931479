"""The provider: Flask, Authlib and idp_session."""

from .app import create_app as create_app
from .extension import idp_session as idp_session
