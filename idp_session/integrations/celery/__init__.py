"""Deliveries that the workers of Celery send."""

from .dispatcher import CeleryDispatcher as CeleryDispatcher
from .tasks import beat_schedule as beat_schedule
from .tasks import register_tasks as register_tasks
