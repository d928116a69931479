"""What meets the outside: cryptography, keys, HTTP, threads and the time."""

__all__: list[str] = []
