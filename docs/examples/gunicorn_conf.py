"""Settings of gunicorn for a provider."""

import gc
from datetime import timedelta

from provider import idp_session

wsgi_app = "provider:create_app()"
worker_class = "gthread"
workers = 2
threads = 32
preload_app = True
# Whoever signs out just now waits for clients, two seconds by default.
graceful_timeout = 10
# The path without the query, which may hold codes and ID tokens.
accesslog = "-"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'


def post_worker_init(worker):
    gc.freeze()
    idp_session.start_background_work(worker.wsgi)


def worker_exit(_server, worker):
    if worker.booted:
        idp_session.stop_background_work(worker.wsgi, timeout=timedelta(seconds=2))
