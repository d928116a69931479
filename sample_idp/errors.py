"""What keeps the sample from starting."""

__all__ = ["StartError"]


class StartError(Exception):
    """The sample cannot start; the message is one line that says why."""
