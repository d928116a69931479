"""Measures the package beside others; ``make bench`` writes what came of it."""
