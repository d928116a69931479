"""Where sessions, participants and deliveries are kept."""

__all__: list[str] = []
