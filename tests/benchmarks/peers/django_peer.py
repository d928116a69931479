"""The application with Django and its sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest
from django.http import HttpResponse
from django.urls import path

from ..wsgi import Application
from .pausing import PAUSE
from .texts import SECRET
from .texts import SUBJECT
from .texts import USER

__all__ = ["django_app", "urlpatterns"]


def django_app(database: Path) -> tuple[Application, Application]:
    """Django without sessions, and with sessions in a SQLite file.

    :param database: The file; with the settings for SQLite that we take, too.
    """
    pragmas = (
        "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    )
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY=SECRET,
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[],
        INSTALLED_APPS=["django.contrib.sessions"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(database),
                "CONN_MAX_AGE": None,
                "OPTIONS": {"init_command": pragmas, "transaction_mode": "IMMEDIATE"},
            }
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)
    bare = WSGIHandler()
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]

    return bare, WSGIHandler()


def _home(request: HttpRequest) -> HttpResponse:
    session: Any = getattr(request, "session", None)

    # Without the middleware it is the bare application.
    if session is None:
        return HttpResponse(SUBJECT)

    user = session.get("user")

    return HttpResponse("nobody" if user is None else user["sub"])


def _login(request: HttpRequest) -> HttpResponse:
    session: Any = getattr(request, "session", None)

    if session is not None:
        session["user"] = USER
        session["clients"] = []

    return HttpResponse("ok")


def _join(request: HttpRequest, client_id: str) -> HttpResponse:
    session: Any = request.session
    session["clients"] = [*session["clients"], client_id]

    return HttpResponse("ok")


def _clients(request: HttpRequest) -> HttpResponse:
    session: Any = request.session

    return HttpResponse(" ".join(session["clients"]))


def _slow(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    session["page"] = f"of {session['user']['sub']}"
    PAUSE.wait_here()

    return HttpResponse("ok")


def _logout(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    session.flush()

    return HttpResponse("ok")


urlpatterns = [
    path("", _home),
    path("login", _login),
    path("join/<str:client_id>", _join),
    path("clients", _clients),
    path("slow", _slow),
    path("logout", _logout),
]
