"""The page at the end of a logout."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence

from flask import Response

from .._protocol.session_management import origin_of
from ..models import Client
from ..models import Delivery
from ..models import Principal
from .applications import Application
from .applications import applications_of
from .applications import ApplicationState
from .applications import WORDS
from .languages import texts_for
from .logout_progress import seal_progress
from .pages import page
from .state import app_state
from .way_back import way_back

__all__ = ["needs_browser", "signed_out_page"]

# A frame may do what it takes to sign out: run its scripts, with its own cookies, and
# send its own forms. It may not lead the browser elsewhere, open windows or dialogues.
_SANDBOX = (
    "allow-scripts allow-same-origin allow-forms "
    "allow-storage-access-by-user-activation"
)


def needs_browser(deliveries: Sequence[Delivery]) -> bool:
    """Whether some client has to be told in a frame (Front-Channel Logout 1.0 §2).

    :param deliveries: What is owed for the session that has ended.
    """
    return any(application.frame_uri for application in _applications(deliveries))


def signed_out_page(
    deliveries: Sequence[Delivery],
    redirect_uri: str | None,
    *,
    until: float = 0,
    client: Client | None = None,
    still: Principal | None = None,
    is_misled: bool = False,
    languages: Iterable[str] = (),
) -> Response:
    """The page that tells every application, and then goes on or says good-bye.

    A page that stays, while there is something to wait for, asks how it goes on.

    :param deliveries: What is owed for the session that has ended.
    :param redirect_uri: Where to go on to; has been validated.
    :param until: For how long it may ask; a timestamp.
    :param client: The client that asked, or that was left.
    :param still: Who is signed in still, if only this client was left. Then the page
        stays, whatever there is to go on to: it has something to say.
    :param is_misled: Whether it was to go on to an address that is not allowed.
    :param languages: The languages that the request asked for, best first.
    """
    applications = [each for each in _applications(deliveries) if each.reachable]
    frames = [application for application in applications if application.frame_uri]
    wait = app_state().options.front_channel_wait.total_seconds()
    stays = redirect_uri is None or still is not None
    asks = stays and any(each.may_change for each in applications)
    only = client.client_id if client and still else None
    texts = texts_for(languages)
    left = until - app_state().clock.now().timestamp()

    return page(
        "signed_out_of.html" if only else "signed_out.html",
        frame_origins=[origin_of(frame.frame_uri or "") for frame in frames],
        connects=asks,
        applications=applications,
        confirmed=sum(application.confirmed for application in applications),
        doubtful=any(each.state is ApplicationState.ASKED for each in applications),
        words={state: texts.plain(words) for state, words in WORDS.items()},
        languages=languages,
        frames=frames,
        sandbox=_SANDBOX,
        wait_milliseconds=round(wait * 1000),
        redirect_uri=redirect_uri,
        progress=(
            seal_progress(deliveries[0].session_id, until=until, client_id=only)
            if asks
            else None
        ),
        progress_milliseconds=round(max(left, 0) * 1000),
        client=client,
        user=still,
        way_back=way_back(client),
        is_misled=is_misled,
    )


def _applications(deliveries: Sequence[Delivery]) -> tuple[Application, ...]:
    return applications_of(deliveries[0].session_id, deliveries) if deliveries else ()
