"""The host's ``flask.session``, which costs next to nothing while it is not used."""

from __future__ import annotations

from flask import Flask
from flask import Request
from flask import Response
from flask.sessions import SecureCookieSession
from flask.sessions import SecureCookieSessionInterface
from flask.sessions import SessionMixin

from .request_cookies import cookies_of

__all__ = ["SparingSessionInterface", "spare_unused_session"]


class SparingSessionInterface(SecureCookieSessionInterface):
    """Flask's own sessions; requests that have none and make none are no work.

    Flask makes what would verify a cookie before it looks whether there is one, and
    gathers the attributes of a cookie before it knows whether to send it. Every app
    with a ``SECRET_KEY`` pays for that, and the key is needed for our sessions.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Flask's session of a request.

        :param app: The app.
        :param request: The request.
        """
        # Without a key Flask has no session, and says so to whoever writes to it. To
        # get a cookie that is not there has Werkzeug make an error, and catch it.
        if app.secret_key and self.get_cookie_name(app) not in cookies_of(request):
            return self.session_class()

        return super().open_session(app, request)

    def save_session(
        self, app: Flask, session: SessionMixin, response: Response
    ) -> None:
        """Put Flask's session on the response, if there is anything to say of it.

        :param app: The app.
        :param session: What was opened for the request.
        :param response: The answer.
        """
        # What has only been looked at is named in ``Vary`` all the same.
        if session or session.modified or session.accessed:
            super().save_session(app, session, response)


def spare_unused_session(app: Flask) -> None:
    """Have an app do no work for a ``flask.session`` that a request does not use.

    Sessions of another kind, or with other settings than Flask's, are left alone.

    :param app: The app.
    """
    interface = app.session_interface

    if type(interface) is SecureCookieSessionInterface and not vars(interface):
        app.session_interface = SparingSessionInterface()
