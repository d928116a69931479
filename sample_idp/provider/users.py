"""The people: alice, bob and admin, whose passwords are their names."""

from __future__ import annotations

import secrets
from typing import Any

__all__ = ["ADMINISTRATOR", "USERS", "is_password", "user_info"]

USERS = {"alice": "Alice Adams", "bob": "Bob Brown", "admin": "Ada Min"}

#: Who may open the administrator's pages.
ADMINISTRATOR = "admin"


def is_password(username: str, password: str) -> bool:
    """Whether the password is the user's; in constant time for known users.

    :param username: As it came.
    :param password: As it came.
    """
    expected = username if username in USERS else secrets.token_hex(16)

    return secrets.compare_digest(expected.encode(), password.encode())


def user_info(subject_id: str, scope: str) -> dict[str, Any]:
    """What the provider tells a client of a user (OpenID Connect Core §5.4).

    :param subject_id: The user.
    :param scope: What the client was granted.
    """
    granted = scope.split()
    claims: dict[str, Any] = {"sub": subject_id}

    if "profile" in granted:
        claims |= {"name": USERS[subject_id], "preferred_username": subject_id}

    if "email" in granted:
        claims |= {"email": f"{subject_id}@example.test", "email_verified": True}

    return claims
