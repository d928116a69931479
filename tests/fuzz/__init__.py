"""Hostile input, made by Hypothesis, for every endpoint."""
