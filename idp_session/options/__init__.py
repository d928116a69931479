"""Every setting, declared once and read from the ``IDP_SESSION_*`` keys of the app."""

from .checks import MOST_THREADS as MOST_THREADS
from .conversion import PREFIX as PREFIX
from .session_options import SameSite as SameSite
from .session_options import SessionOptions as SessionOptions

__all__ = ["MOST_THREADS", "PREFIX", "SameSite", "SessionOptions"]
