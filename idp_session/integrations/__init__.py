"""Bridges to the libraries that a provider is built with."""
