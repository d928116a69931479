"""How the data of a request is kept when the request is over."""

from __future__ import annotations

import logging

from ..errors import SessionGoneError
from ..errors import SessionTooLargeError
from .data import DataService
from .request_session import RequestSession

__all__ = ["save_data"]

_logger = logging.getLogger(__name__)


def save_data(session: RequestSession, *, service: DataService) -> str | None:
    """Write what the request has changed of its data, if anything.

    :param session: The session of the request; begun if there is none yet.
    :param service: Who keeps data.
    :returns: The session id, if data was kept; ``None`` if there was nothing to keep,
        or it could not be kept, which is logged.
    """
    if not session.data.changed:
        return None

    changes = session.data.changes()

    try:
        session_id = session.begun().session_id
        service.write(
            session_id,
            changed={n: text for n, text in changes.items() if text is not None},
            removed=[n for n, text in changes.items() if text is None],
        )
    except SessionGoneError:
        _logger.info("data was not kept: its session has ended meanwhile")
        session.forget()
        return None
    except SessionTooLargeError as error:
        _logger.error("data was not kept: %s", error)  # noqa: TRY400
        session.data.reset()
        return None

    session.data.reset()

    return session_id
