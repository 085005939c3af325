"""Typed descriptions of everything that can be requested, and their text form. Imports no torch."""
