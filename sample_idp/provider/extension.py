"""The extension, which knows no app."""

from idp_session.flask import IdpSession

__all__ = ["idp_session"]

idp_session = IdpSession()
