"""Sentences about networks of somebody's own whose start doesn't depend on the seed. Imports no torch."""


def one_start(name: str) -> str:
    """The beginning of a sentence about a network whose start doesn't depend on the seed."""
    return f"{name} starts alike whatever the seed is, as what sets the seed itself or loads a checkpoint does"


def several_of_one_start(name: str, count: int) -> str:
    """The sentence that refuses several models of it in one training."""
    return f"{one_start(name)}: {count} models would be one and the same; take that out of it, or train with --count 1."
