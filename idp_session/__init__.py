"""Sessions and single logout for OpenID Connect providers written with Flask."""

from .errors import ConfigurationError as ConfigurationError
from .errors import IdpSessionError as IdpSessionError
from .errors import SessionGoneError as SessionGoneError
from .errors import SessionLimitError as SessionLimitError
from .models import AuthenticationProperties as AuthenticationProperties
from .models import Client as Client
from .models import Delivery as Delivery
from .models import DeliveryState as DeliveryState
from .models import EndedSession as EndedSession
from .models import Lifetime as Lifetime
from .models import LogoutReason as LogoutReason
from .models import Participant as Participant
from .models import Principal as Principal
from .models import ServerSideSession as ServerSideSession
from .models import SessionEvent as SessionEvent
from .models import SessionEventKind as SessionEventKind
from .models import SessionFilter as SessionFilter
from .models import SessionPage as SessionPage
from .models import Ticket as Ticket
from .options import SessionOptions as SessionOptions
from .ports import UserSession as UserSession
