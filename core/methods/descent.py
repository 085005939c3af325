"""A path from a model down, along which the loss never rises: by Nguyen 2019, or Freeman and Bruna 2017."""

from collections.abc import Iterator

from core.methods.linear_net import descent as linear
from core.methods.linear_net.ridge_descent import descend_with_ridge
from core.methods.method import Construction, Premise, Task, first_failed, require
from core.methods.wide import descent as wide
from core.methods.wide.assumptions import common, of_theorem


def descend(task: Task, eps: float, theorem: str = "auto", delta: float = 1e-3, ridge: float = 0.0) -> Construction:
    """By the theorem asked for; auto takes the first of 3.2, 4.2, 6.1 and 2.2 that applies, with a `ridge` 2.2.

    3.2, 4.2 and 6.1 lead to eps above the loss's infimum, 2.2 to eps above the lowest loss of a linear map. Raises
    PremiseError where the theorem does not apply, or the model is as low already.
    """
    if ridge > 0:
        return descend_with_ridge(task, eps, ridge)
    if theorem == "auto":
        require(one_applies(task))
        theorem = "auto" if without_wide(task) is None else "2.2"
    return linear.descend_linear(task, eps) if theorem == "2.2" else wide.descend(task, eps, theorem, delta)


def one_applies(task: Task) -> Iterator[Premise]:
    """That one of the theorems does, or what each of them assumes in vain."""
    why = without_wide(task)
    failed = None if why is None else first_failed(linear.premises(task))
    words = "" if failed is None else f"{why}; 2.2 assumes that {failed.claim}{in_numbers(failed)}"
    yield Premise("one of Theorems 3.2, 4.2, 6.1 and 2.2 applies", failed is None, words)


def without_wide(task: Task) -> str | None:
    """Why none of the theorems of Nguyen 2019 applies; None where one does."""
    if (missing := first_failed(common(task))) is not None:
        return f"3.2, 4.2 and 6.1 assume that {missing.claim}{in_numbers(missing)}"
    failed = first_failed(of_theorem("auto", wide.theorems(), task.problem))
    return None if failed is None else failed.measured


def in_numbers(premise: Premise) -> str:
    return f", but {premise.measured}" if premise.measured else ""
