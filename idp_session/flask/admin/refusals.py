"""What is not done, and why."""

from __future__ import annotations

from ..catalogs import ENGLISH
from ..catalogs import message
from ..catalogs import Texts

__all__ = ["NO_DELIVERY", "NO_SESSION", "Refused"]

NO_SESSION = message("There is no such session, or not any more.")
NO_DELIVERY = message("There is no such logout notification, or not any more.")


class Refused(Exception):  # noqa: N818
    """A request is answered with a page, or a problem in JSON, that says why.

    :param status: The HTTP status.
    :param reason: Why, for whoever asked; marked for translation.
    :param values: For its places.
    """

    def __init__(self, status: int, reason: str, **values: object) -> None:
        super().__init__(reason % values)
        self.status = status
        self._reason = reason
        self._values = values

    def message(self, texts: Texts = ENGLISH) -> str:
        """Why, in a language.

        :param texts: In which.
        """
        return texts.plain_with(self._reason, **self._values)
