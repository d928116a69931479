"""Tests of the demo clients of the sample."""
