"""The package for Flask: the extension, its blueprints and its signals."""

from ..services.logout_decisions import DefaultLogoutPolicy as DefaultLogoutPolicy
from .admin import admin_blueprint as admin_blueprint
from .by_hand import HeldSession as HeldSession
from .cli import deliver_until as deliver_until
from .devices import devices_blueprint as devices_blueprint
from .extension import IdpSession as IdpSession
from .protocol import protocol_blueprint as protocol_blueprint
from .session_events import session_events_blueprint as session_events_blueprint
from .signals import clients_left as clients_left
from .signals import delivery_attempted as delivery_attempted
from .signals import delivery_finished as delivery_finished
from .signals import session_ended as session_ended
from .signals import session_started as session_started
from .state import user_session as user_session
