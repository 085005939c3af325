"""Shared by all tests: what hypothesis does."""

from hypothesis import settings

settings.register_profile("thalweg", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("thalweg")
