"""What the table shows, without a screen: kind, filter, order, columns, and taking changes of them back."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from store import COLUMNS
from tui.app.screens.browse.view import MOST_UNDONE, Query, TableView
from tui.app.session import Session

KINDS = ("runs", "models", "paths", "bounds")


def names(view: TableView) -> list[str]:
    return [one.name for one in view.columns("utf-8")]


def test_every_kind_is_left_and_found_again_with_its_own_filter_and_order() -> None:
    view = TableView(Session())
    view.filter_by("state=failed")
    view.sort_by("seconds")
    view.session.kind = "paths"
    assert view.is_default
    assert view.query() == Query("paths", "", "-id")
    view.session.kind = "runs"
    assert view.query() == Query("runs", "state=failed", "seconds")
    assert view.query("id>3") == Query("runs", "id>3", "seconds")


def test_a_column_sorts_up_then_down_then_as_at_first() -> None:
    view = TableView(Session())
    seen = []
    for _ in range(3):
        view.sort_by(view.next_sort("seconds"))
        seen.append(view.view.sort)
    assert seen == ["seconds", "-seconds", "-id"]
    view.sort_by(view.next_sort("id"))
    assert view.view.sort == "id"  # at first it is the other way round


def test_of_another_order_or_filter_nobody_knows_which_rows_were_seen() -> None:
    view = TableView(Session())
    for change in (lambda: view.sort_by("seconds"), lambda: view.filter_by("id>3"), view.reset):
        view.note(3, array("q", [3, 2]))
        assert view.view.seen == [3, 2]
        change()
        assert view.view.seen == []
    assert not view.reset()


@given(st.lists(st.lists(st.sampled_from([one.name for one in COLUMNS["runs"]]), min_size=1, unique=True), max_size=6))
def test_changes_of_columns_are_taken_back_one_by_one(changes: list[list[str]]) -> None:
    view = TableView(Session())
    shown = [names(view)]
    for one in changes:
        view.choose_columns(one)
        shown.append(names(view))
    while view.undoable:
        assert names(view) == shown.pop()
        view.undoable.pop().undo()
    assert [names(view)] == shown


def test_columns_of_one_kind_are_taken_back_while_another_is_shown() -> None:
    view = TableView(Session())
    at_first = names(view)
    view.choose_columns(["id"])
    view.session.kind = "paths"
    view.undoable.pop().undo()
    view.session.kind = "runs"
    assert names(view) == at_first


def test_columns_that_are_there_no_more_are_left_out() -> None:
    view = TableView(Session())
    at_first = names(view)
    view.choose_columns(["gone", "id"])
    assert names(view) == ["id"]
    view.choose_columns(["gone"])
    assert names(view) == at_first


def test_no_more_than_so_many_changes_can_be_taken_back() -> None:
    view = TableView(Session())
    for _ in range(MOST_UNDONE + 5):
        view.choose_columns(["id"])
    assert len(view.undoable) == MOST_UNDONE


def test_a_filter_that_hides_a_row_is_put_aside_and_remembered() -> None:
    view = TableView(Session())
    view.session.view_of("models").filter_by("id=1")
    assert view.reveal("models") == "id=1"
    assert view.session.view_of("models").where == ""
    assert view.session.filters == ["id=1"]
    assert view.reveal("models") == ""
    assert view.session.filters == ["id=1"]
