"""Single logout for a provider that is built with Authlib."""

from .end_session import logout_request_reader as logout_request_reader
from .end_session import SingleLogoutEndpoint as SingleLogoutEndpoint
from .grant import current_session_claims as current_session_claims
from .grant import ParticipatingGrantMixin as ParticipatingGrantMixin
from .id_token import SessionOpenIDCode as SessionOpenIDCode
from .marks import Question as Question
from .metadata import check_logout_metadata as check_logout_metadata
from .metadata import check_redirect_uris as check_redirect_uris
from .metadata import discovery_metadata as discovery_metadata
from .metadata import encryption_metadata as encryption_metadata
from .metadata import LogoutClientMetadataClaims as LogoutClientMetadataClaims
from .server import SessionAuthorizationServer as SessionAuthorizationServer
from .sign_on import SignOn as SignOn
