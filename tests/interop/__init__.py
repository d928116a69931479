"""Relying parties of others, unmodified, signed out by the sample."""
