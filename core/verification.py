"""The comparison of a path's second check with what the catalogue says of it. Imports no torch."""

from collections.abc import Iterator, Mapping
from typing import Any

#: Kinds of certificates from the strongest to the weakest; store.certificates has the same.
STRENGTHS = ("exact", "identity", "enclosed", "sampled")
SLACK = 1e-5  # relative: by how much two looks at one level may differ
SAME = 1e-9  # relative to 1 + the loss: by how much two looks at one model may differ


def shortcomings(facts: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """What the catalogue says of a path (`kept`) and the new findings contradict; empty if nothing.

    `kept` are the columns of the path, as far as they are known, and the `bounds` of its segments.
    """
    found = [
        text
        for holds, text in (
            (facts["starts_at_a"], "the path does not start at its first model"),
            (facts["ends_at_b"], "the path does not end at its second model"),
            (not _says_less(facts, kept["certificate"]), _only(facts)),
        )
        if not holds
    ]
    level, before = facts["level"], kept["level"]
    if facts["certificate"] == "enclosed" and kept["certificate"] == "sampled":  # its level was the largest loss seen
        level = facts["max_train_loss"]
    if kept["drift"] is None:  # a sampled path has none, and a level of the first edition was without
        level -= facts["drift"] or 0.0
    if before is not None and not level <= before + SLACK * abs(before):
        found.append(f"the level is {level:.4g}, above the {before:.4g} in the catalogue")
    return [*found, *_unlike_pieces(facts, kept), *facts.get("doubts", ()), *other_losses(facts, kept)]


def _unlike_pieces(facts: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """What is said of an enclosed path beside its level, and isn't so: error, the loss reached, bounds of segments."""
    if not facts["certificate"] == kept["certificate"] == "enclosed":
        return
    error, before = facts.get("error_level"), kept.get("error_level")
    if before is not None and (error is None or error > before + SAME):
        now = "not proven" if error is None else f"{error:.4g}"
        yield f"the error level is {now}, and {before:.4g} in the catalogue"
    reached = kept.get("max_train_loss")
    if reached is not None and facts["level"] < reached - SLACK * abs(reached):
        yield f"the level is {facts['level']:.6g}, and in the catalogue the loss reaches {reached:.6g}"
    for i, (least, bound) in enumerate(zip(facts.get("reached", ()), kept.get("bounds", ()), strict=False)):
        if least is not None and bound is not None and least > bound + SLACK * abs(bound):
            yield f"segment {i} reaches a train loss of {least:.6g}, above its bound of {bound:.6g} in the catalogue"


def _only(facts: Mapping[str, Any]) -> str:
    """That a certificate is of a weaker kind than before, and why, where that is known."""
    reason = facts.get("unproven")
    return f"the certificate is {facts['certificate']} only{'' if reason is None else f' ({reason})'}"


def other_losses(facts: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Which losses at the ends are not those of the catalogue: then another function was looked at."""
    found = []
    for name, where in (("train_loss_a", "start"), ("train_loss_b", "end")):
        now, before = facts[name], kept[name]
        if before is not None and now != before and not abs(now - before) / (1 + abs(before)) <= SAME:
            found.append(f"the train loss at its {where} is {now:.12g} and in the catalogue {before:.12g}")
    return found


def _says_less(facts: Mapping[str, Any], kind: str | None) -> bool:
    """Whether less was found than `kind`.

    What is enclosed may have been exact: small steps of one layer, which the first editions called bounded.
    """
    bounded = facts["certificate"] == "enclosed" and kind == "exact" and not facts["refused"]
    return not bounded and is_weaker(facts["certificate"], kind)


def is_weaker(kind: str, other: str | None) -> bool:
    """Whether one kind of certificate says less than another; of a path without one nothing was said."""
    return other is not None and STRENGTHS.index(kind) > STRENGTHS.index(other)
