"""The pages and the JSON API for administrators."""

from .blueprint import admin_blueprint

__all__ = ["admin_blueprint"]
