"""A small client of the sample provider: signs in, and learns in every way when not."""

from .app import create_app

__all__ = ["create_app"]
