"""A cache in front of a session store, made of any cache of cachelib."""

from .backend import BytesSerializer as BytesSerializer
from .backend import Cache as Cache
from .sessions import CachedSessionStore as CachedSessionStore

__all__ = ["BytesSerializer", "Cache", "CachedSessionStore"]
