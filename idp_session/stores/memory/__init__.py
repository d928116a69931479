"""Sessions and deliveries in the memory of one process, for tests."""

from .deliveries import MemoryDeliveryQueue as MemoryDeliveryQueue
from .sessions import MemorySessionStore as MemorySessionStore

__all__ = ["MemoryDeliveryQueue", "MemorySessionStore"]
