"""The logout specifications as pure functions: values in, value out."""

__all__: list[str] = []
