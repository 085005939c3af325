"""Shared by all tests: what hypothesis does, and one thread for each process, since tests run side by side."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: threads that wait for each other spin

settings.register_profile("thalweg", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("thalweg")
