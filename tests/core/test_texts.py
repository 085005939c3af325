"""Texts that hold bytes of no encoding can be written wherever texts are written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.worker.causes import cause_of
from core.errors import RunError, ThalwegError, UsageError, printable
from core.results import Beat, Ended, Environment, MetricsSaid, from_line, to_line

SURROGATES = st.sampled_from("\ud800\udbff\udc7f\udc80\udcff\udd00\udfff")  # st.text draws none
ANY = st.lists(st.characters() | SURROGATES).map("".join)


@given(ANY)
def test_a_printable_text_is_utf_8_and_stays_what_it_was_if_it_was(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert shown.encode().decode() == shown
    if not any("\ud800" <= one <= "\udfff" for one in text):
        assert shown == text


def test_a_byte_of_no_encoding_is_shown_as_such() -> None:
    assert printable("caf\udce9/\u00e9.png") == "caf\\xe9/\u00e9.png"


@pytest.mark.parametrize("error", [UsageError("\udcff"), RunError("bad data", "\udcff"), ValueError("\udcff")])
def test_causes_can_be_stored(error: Exception) -> None:
    kind, cause = cause_of(error)
    assert "\\xff" in cause
    assert json.loads(json.dumps([kind, cause], ensure_ascii=False).encode()) == [kind, cause]


def test_every_error_of_ours_can_be_printed() -> None:
    assert str(ThalwegError("a\udcff")).encode() == b"a\\xff"


@given(ANY)
def test_every_event_makes_a_line_that_says_it(text: str) -> None:
    shown = printable(text)
    for event, expected in (
        (Ended(state="failed", cause=text), Ended(state="failed", cause=shown)),
        (Beat(at=1.0, message=text), Beat(at=1.0, message=shown)),
        (MetricsSaid(points=[(text, 1, 0.5, 2.0)]), MetricsSaid(points=[(shown, 1, 0.5, 2.0)])),
        (Environment(facts={text: [text, None, True]}), Environment(facts={shown: [shown, None, True]})),
    ):
        line = to_line(event)
        assert line.count(b"\n") == 1
        assert from_line(line) == expected
