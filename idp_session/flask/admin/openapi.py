"""What the JSON API can do, in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models import DeliveryState
from ...models import LogoutReason

__all__ = ["SESSION", "TOKEN_HEADER", "description"]

#: Changes have to come with it.
TOKEN_HEADER = "X-CSRF-Token"

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_SECONDS = {"type": "number", "minimum": 0, "description": "Seconds."}
_INSTANT = {"type": "string", "format": "date-time"}
_PROBLEM = "Problem"


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


#: The members of a session.
SESSION: Mapping[str, Mapping[str, Any]] = {
    "session_id": _TEXT,
    "subject_id": _or_null(_TEXT),
    "display_name": _or_null(_TEXT),
    "created_at": _INSTANT,
    "authenticated_at": _INSTANT,
    "renewed_at": _INSTANT,
    "expires_at": _INSTANT,
    "absolute_expires_at": _INSTANT,
    "ip_address": _or_null(_TEXT),
    "user_agent": _or_null(_TEXT),
}

_PARTICIPANT: Mapping[str, Mapping[str, Any]] = {
    "session_id": _TEXT,
    "client_id": _TEXT,
    "issuer": _TEXT,
    "subject": _TEXT,
    "joined_at": _INSTANT,
}

_DELIVERY: Mapping[str, Mapping[str, Any]] = {
    "id": _WHOLE,
    "session_id": _TEXT,
    "client_id": _TEXT,
    "issuer": _TEXT,
    "subject": _TEXT,
    "reason": {"type": "string", "enum": [each.value for each in LogoutReason]},
    "created_at": _INSTANT,
    "due_at": _INSTANT,
    "attempts": _WHOLE,
    "state": {"type": "string", "enum": [each.value for each in DeliveryState]},
    "last_status": _or_null(_WHOLE),
    "last_error": _or_null(_TEXT),
    "latency": _or_null(_SECONDS),
    "finished_at": _or_null(_INSTANT),
}


_COUNT = {"number": _WHOLE, "is_lower_bound": {"type": "boolean"}}
_SPAN = {"begins_at": _INSTANT, "ends_at": _INSTANT}


def description(server: str) -> dict[str, Any]:
    """The description.

    :param server: The path that all paths are below.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sessions and logout notifications",
            "version": "1",
            "description": "For administrators that are signed in in the browser.",
        },
        "servers": [{"url": f"{server}/api"}],
        "security": [{"session": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "session",
                    "description": "The session of the administrator; the provider "
                    "says what its cookie is called.",
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    session_id = _parameter("session_id", _TEXT, place="path")
    delivery_id = _parameter("delivery_id", _WHOLE, place="path")

    return {
        "/token": {"get": _operation("token", "A token for changes.", "Token")},
        "/counts": {
            "get": _operation(
                "counts",
                "How much there is, now and over time; nobody counts beyond 1000.",
                "Counts",
            )
        },
        "/sessions": {
            "get": _operation(
                "sessions",
                "Sessions that meet every condition, newest first.",
                "SessionList",
                *(_parameter(n, _TEXT) for n in ("subject_id", "display_name")),
                *(_parameter(n, _TEXT) for n in ("session_id", "client_id", "cursor")),
                _limit(),
            )
        },
        "/sessions/{session_id}": {
            "parameters": [session_id],
            "get": _operation("session", "One session.", "SessionDetails", missing=404),
            "delete": _operation(
                "endSession",
                "End a session; its clients are told.",
                None,
                _token(),
                status=204,
                missing=404,
            ),
        },
        "/deliveries": {
            "get": _operation(
                "deliveries",
                "Logout notifications that meet every condition, newest first.",
                "DeliveryList",
                _parameter("state", _DELIVERY["state"]),
                _parameter("client_id", _TEXT),
                _parameter("session_id", _TEXT),
                _parameter("before_id", _WHOLE),
                _limit(),
            )
        },
        "/deliveries/{delivery_id}": {
            "parameters": [delivery_id],
            "get": _operation("delivery", "One of them.", "Delivery", missing=404),
        },
        "/deliveries/{delivery_id}/retry": {
            "parameters": [delivery_id],
            "post": _operation(
                "retry",
                "Have one that was given up tried again.",
                "Delivery",
                _token(),
                status=202,
                missing=404,
                conflict=409,
            ),
        },
    }


def _operation(
    name: str,
    summary: str,
    schema: str | None,
    *parameters: Mapping[str, Any],
    status: int = 200,
    **refusals: int,
) -> dict[str, Any]:
    refused = (400, 401, 403, *refusals.values())
    content = {"content": _json(schema)} if schema else {}
    responses = {str(status): {"description": summary, **content}}

    for each in refused:
        responses[str(each)] = {
            "description": "It was not done.",
            "content": _json(_PROBLEM, "application/problem+json"),
        }

    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }


def _json(schema: str, media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": _reference(schema)}}


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _parameter(
    name: str, schema: Mapping[str, Any], *, place: str = "query"
) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place != "query", "schema": schema}


def _limit() -> dict[str, Any]:
    return _parameter("limit", {"type": "integer", "minimum": 1, "maximum": 200})


def _token() -> dict[str, Any]:
    return _parameter(TOKEN_HEADER, _TEXT, place="header")


def _schemas() -> dict[str, Any]:
    page = {"next": _or_null(_TEXT), "previous": _or_null(_TEXT)}
    estimate = {"estimate": _WHOLE, "estimate_is_lower_bound": {"type": "boolean"}}

    return {
        "Session": _object(SESSION),
        "SessionDetails": _object({**SESSION, "participants": _list("Participant")}),
        "SessionList": _object({"sessions": _list("Session"), **page, **estimate}),
        "Participant": _object(_PARTICIPANT),
        "Delivery": _object(_DELIVERY),
        "DeliveryList": _object(
            {"deliveries": _list("Delivery"), "next": _or_null(_WHOLE)}
        ),
        "Count": _object(_COUNT),
        "SessionsInTime": _object({**_SPAN, **_COUNT}),
        "DeliveriesInTime": _object(
            {
                **_SPAN,
                "by_state": _object({each.value: _WHOLE for each in DeliveryState}),
            }
        ),
        "Counts": _object(
            {
                "sessions": {"anyOf": [_reference("Count"), {"type": "null"}]},
                "sessions_in_time": _list("SessionsInTime"),
                "pending": _reference("Count"),
                "oldest_pending_at": _or_null(_INSTANT),
                "latest_deliveries": _WHOLE,
                "deliveries_in_time": _list("DeliveriesInTime"),
            }
        ),
        "Token": _object({"token": _TEXT, "expires_in": _SECONDS}),
        _PROBLEM: _object({"status": _WHOLE, "detail": _TEXT}),
    }


def _object(members: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": _reference(schema)}
