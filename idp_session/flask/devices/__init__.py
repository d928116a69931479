"""The pages on which people see where they are signed in, and sign out there."""

from .blueprint import devices_blueprint

__all__ = ["devices_blueprint"]
