"""What a provider adds in production."""

from werkzeug.middleware.proxy_fix import ProxyFix

from idp_session import DeliveryState

GIVEN_UP = (DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED)


def behind_proxy(app):
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)


def tell_again(idp_session, client_id):
    """Tries again what one client was not told; says how many that are."""
    deliveries = idp_session.deliveries
    retried = 0

    for state in GIVEN_UP:
        before_id = None

        while page := deliveries.query(
            state=state, client_id=client_id, limit=100, before_id=before_id
        ):
            retried += sum(deliveries.retry(each.id) for each in page)
            before_id = page[-1].id

    return retried
