"""Options: described, read from texts, changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import plain, records, refusal

from core.errors import UsageError
from core.specs.bounds import BOUNDS
from core.specs.kinds import KINDS
from core.specs.methods import METHODS, String
from core.specs.options import Options, describe, pairs, text_of
from core.specs.runs import Train

ALL = [*METHODS.values(), *BOUNDS.values(), Train]
TEXTS = st.text(max_size=6) | st.sampled_from(["nan", "inf", "-1", "0", "1e400", "null", "true", "9" * 5000])


@pytest.mark.parametrize("record", [*ALL, *(kind.spec for kind in KINDS.values())])
def test_every_option_has_a_help_and_says_what_is_allowed(record: type[Options]) -> None:
    inputs = {name for run in KINDS.values() for name in run.inputs}
    for option in describe(record):
        assert option.allowed
        assert option.help or option.name in {"method", "bound", *inputs}


@pytest.mark.parametrize("record", ALL)
@given(data=st.data())
def test_any_text_of_any_option_is_read_or_refused_by_name(record: type[Options], data: st.DataObject) -> None:
    known = [option.name for option in describe(record)]
    texts = data.draw(st.dictionaries(st.sampled_from([*known, "zzz"]), TEXTS, max_size=4))
    sentence = refusal(record.read, texts, "it")
    assert sentence is None or sentence.startswith(("it", "train")) or "option of it" in sentence


@pytest.mark.parametrize("record", ALL)
@given(data=st.data())
def test_changing_touches_only_what_was_asked(record: type[Options], data: st.DataObject) -> None:
    before, other = data.draw(records(record)), data.draw(records(record))
    names = [name for name, value in plain(other).items() if value is not None]
    asked = data.draw(st.lists(st.sampled_from(names or ["none"]), unique=True, max_size=3)) if names else []
    try:
        after = before.changed({name: text_of(plain(other)[name]) for name in asked}, "it")
    except UsageError:  # options that exclude each other
        return
    for name, value in plain(after).items():
        assert value == plain(other if name in asked else before)[name]


def test_refusals_name_option_value_and_limits() -> None:
    for texts, hint in [
        ({"lr": "fast"}, "string: lr must be a number above 0, not 'fast'"),
        ({"alpha": "1.5"}, "alpha must be a number above 0 and at most 1"),
        ({"order": "deep"}, "one of breadth, constrained, greedy"),
        ({"lr": "inf"}, "lr must be a number above 0, not inf: it has to be finite"),
        ({"momentun": "0"}, "Did you mean 'momentum'"),
    ]:
        with pytest.raises(UsageError, match=hint):
            String.read(texts, "string")


def test_pairs_split_at_the_first_sign() -> None:
    assert pairs(["until-loss = 1e-3", "name=a=b"], "train") == {"until_loss": "1e-3", "name": "a=b"}


@pytest.mark.parametrize("text", ["lr", "=3", " =3"])
def test_pairs_refuse_other_forms(text: str) -> None:
    with pytest.raises(UsageError, match="key=value"):
        pairs([text], "train")
