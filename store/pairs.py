"""All models of one problem against all: the best path known between any two. Reads the catalogue alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from store.base import table
from store.certificates import strength
from store.filters import conditions_of


@dataclass(frozen=True)
class ProblemModels:
    """Models that paths can join: of one architecture, one data set's content and one loss."""

    network: str | None
    data: str | None
    loss: str | None
    architecture: str
    data_fingerprint: str
    count: int


@dataclass(frozen=True)
class BestPath:
    """The best path known of a pair, model_a < model_b: see `best_paths`."""

    model_a: int
    model_b: int
    path_id: int
    level: float | None
    barrier: float | None
    normalized_length: float | None
    certificate: str | None


def problems(session: Session, where: str | None = None) -> list[ProblemModels]:
    """The problems of the models that a filter lets through, those with the most models first. FilterError."""
    models = table("models")
    keys = (models.c.architecture, models.c.data_fingerprint, models.c.loss)
    shown = (func.min(models.c.network), func.min(models.c.data), models.c.loss, *keys[:2], func.count())
    query = select(*shown).where(*_let_through(where)).group_by(*keys)
    found = session.execute(query.order_by(func.count().desc(), func.min(models.c.id)))
    return [ProblemModels(*row) for row in found]


def models_in(session: Session, problem: ProblemModels, where: str | None, limit: int) -> list[int]:
    """Ids of a problem's models that a filter lets through, ascending; at most `limit`. FilterError."""
    models = table("models")
    same = (
        (models.c.architecture == problem.architecture)
        & (models.c.data_fingerprint == problem.data_fingerprint)
        & models.c.loss.is_not_distinct_from(problem.loss)
    )
    query = select(models.c.id).where(same, *_let_through(where)).order_by(models.c.id).limit(limit)
    return list(session.scalars(query))


def best_paths(session: Session, ids: Iterable[int], method: str | None = None) -> list[BestPath]:
    """The best path of every pair of these models that has one: of the lowest level, then the stronger
    certificate, then the lower id; whichever way it leads.
    """
    paths, chosen = table("paths"), sorted(set(ids))
    low, high = func.min(paths.c.model_a, paths.c.model_b), func.max(paths.c.model_a, paths.c.model_b)
    order = (paths.c.level.asc().nulls_last(), strength(paths.c.certificate), paths.c.id)
    rank = func.row_number().over(partition_by=(low, high), order_by=order).label("rank")
    columns = [paths.c[name] for name in ("level", "barrier", "normalized_length", "certificate")]
    ends = (paths.c.model_a.in_(chosen), paths.c.model_b.in_(chosen), paths.c.model_a != paths.c.model_b)
    of_method = () if method is None else (paths.c.method == method,)
    shown = (low.label("low"), high.label("high"), paths.c.id, *columns, rank)
    ranked = select(*shown).where(*ends, *of_method).subquery()
    best = select(*[one for one in ranked.c if one.name != "rank"]).where(ranked.c.rank == 1)
    return [BestPath(*row) for row in session.execute(best.order_by(ranked.c.low, ranked.c.high))]


def _let_through(where: str | None) -> list[ColumnElement[bool]]:
    """A filter's conditions; models that were made of others are no endpoints unless it names `role`, and models of
    before fingerprints were kept belong to no problem.
    """
    models = table("models")
    return [
        models.c.architecture.is_not(None),
        models.c.data_fingerprint.is_not(None),
        *conditions_of("models", where, besides=("aligned", "merged")),
    ]
