"""What all applications have in common."""

from __future__ import annotations

from typing import Any

__all__ = ["PRINCIPAL", "SECRET", "SUBJECT", "USER"]

SECRET = "a secret of thirty-two characters or more"
SUBJECT = "248289761001"

#: What is known of the user, beside the subject: as much as an ID token says.
PRINCIPAL: dict[str, Any] = {
    "display_name": "Jane Doe",
    "amr": ("pwd", "otp"),
    "acr": "urn:mace:incommon:iap:silver",
    "claims": {"email": "janedoe@example.com", "locale": "en-GB"},
}

#: The same, for those who keep a mapping.
USER: dict[str, Any] = {
    "sub": SUBJECT,
    "name": "Jane Doe",
    "amr": ["pwd", "otp"],
    "acr": "urn:mace:incommon:iap:silver",
    "claims": {"email": "janedoe@example.com", "locale": "en-GB"},
}
