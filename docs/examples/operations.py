"""Every operation of a session service, as a host writes it."""

import queue

from idp_session import Client
from idp_session import LogoutReason
from idp_session import Principal
from idp_session import SessionFilter
from idp_session.flask import IdpSession
from idp_session.flask import user_session

idp_session = IdpSession()
clients = {"shop": Client(client_id="shop")}


def create():
    user_session.data.set("language", "de")


def get():
    return user_session.data.get("language", "en")


def update():
    user_session.data.update({"language": "fr", "theme": "dark"})


def remove():
    user_session.data.remove("theme")


def clear():
    user_session.data.clear()


def changed():
    return user_session.data.changed


def sign_in():
    return idp_session.sign_in(
        Principal(subject_id="alice", display_name="Alice", amr=("pwd",))
    )


def who():
    user = user_session.user

    return user and user.subject_id


def sign_out():
    idp_session.sign_out()


def told_later(handle):
    with idp_session.session_from(handle):
        user_session.data.set("report", "ready")

        return user_session.session_id


def follow(session_id):
    events = queue.SimpleQueue()
    binding = idp_session.channels.bind(session_id, events.put)

    return binding, events


def set_active_order(order_id):
    user_session.set_attribute("order", order_id)


def unset_active_order():
    user_session.unset_attribute("order")


def active_order():
    return user_session.attributes.get("order")


def set_active_channel(channel_id):
    user_session.set_attribute("channel", channel_id)


def unset_active_channel():
    user_session.unset_attribute("channel")


def delete_by_user(subject_id):
    return idp_session.management.end_all(
        subject_id=subject_id, reason=LogoutReason.ADMIN
    )


def delete_by_order(order_id):
    wanted = SessionFilter(attribute=("order", order_id), anonymous=None)

    return idp_session.management.end(wanted, reason=LogoutReason.ADMIN)
