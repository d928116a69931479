"""A decorator for views that only somebody who is signed in may see."""

from functools import wraps

from flask import redirect
from flask import request
from flask import url_for

from idp_session.flask import user_session


def login_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if user_session.user is None:
            # The path only: what comes from the browser is not an address to go to.
            return redirect(url_for("login", next=request.full_path))

        return view(*args, **kwargs)

    return guarded
