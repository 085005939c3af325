"""The text forms of networks and data sets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import records, refusal, widths

from core.errors import UsageError
from core.specs.data import DATA, DataSpec, Digits, Folder, read_data
from core.specs.names import name_of, read_widths, write_widths
from core.specs.networks import NETWORKS, Cnn, Fcn, NetworkSpec, read_network

KINDS = [*NETWORKS.values(), *DATA.values()]
SIGNS = st.sampled_from(["", ":", ",", "=", "-", "x", "~", "/", "1e400", "nan", "null", "9" * 5000, "true", "\0"])


def read(text: str, kind: type[NetworkSpec] | type[DataSpec]) -> NetworkSpec | DataSpec:
    return read_network(text) if issubclass(kind, NetworkSpec) else read_data(text)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_is_written_reads_back_as_the_same_record(kind: type[NetworkSpec], data: st.DataObject) -> None:
    spec = data.draw(records(kind))
    assert read(str(spec), kind) == spec
    assert str(read(str(spec), kind)) == str(spec)


@pytest.mark.parametrize("registry", [NETWORKS, DATA])
def test_registries_name_records_by_their_tags(registry: dict[str, type[NetworkSpec]]) -> None:
    for name, record in registry.items():
        assert record.__struct_config__.tag == name
        for example in record.example.split(" or "):
            assert name_of(read(example, record)) == name


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(st.sampled_from([*NETWORKS, *DATA]) | SIGNS | st.text(max_size=3)).map("".join)))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    for reader in (read_network, read_data):
        assert refusal(reader, text) != ""


@settings(max_examples=200)
@given(
    st.sampled_from(["fcn:8", "cnn", "digits", "folder:/d", "permute3"]),
    st.sampled_from(["activation", "slope", "gamma", "bias", "channels", "limit", "seed", "size", "scale", "zzz"]),
    SIGNS | st.text(max_size=6) | st.floats().map(str) | st.integers().map(str),
)
def test_any_option_is_read_or_refused(head: str, key: str, value: str) -> None:
    reader = read_network if head in ("fcn:8", "cnn") else read_data
    assert refusal(reader, f"{head},{key}={value}") != ""


@given(widths)
def test_widths_are_written_and_read(chosen: tuple[int, ...]) -> None:
    assert read_widths(write_widths(chosen)) == chosen


def test_widths_fold_runs() -> None:
    assert write_widths((245,) * 10) == "245x10"
    assert read_widths("300-100x2") == (300, 100, 100)


@pytest.mark.parametrize("text", ["", "0", "3x0", "3--4", "x3", "-3", "3.5", "1x99999", "99999999999"])
def test_other_widths_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_widths(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("fcm:3", "Did you mean 'fcn'"),
        ("fcn", "write, for example, fcn:245x10"),
        ("cnn:3", "takes no argument"),
        ("fcn:3,activaton=tanh", "Did you mean 'activation'"),
        ("fcn:3,activation=tan", "one of elu, leaky_relu"),
        ("fcn:3,slope=nan", "a number at least 0 and at most 1, not 'nan'"),
        ("fcn:3,bias", "key=value"),
        ("fcn:3,slope=0.1,slope=0.2", "given twice"),
        ("fcn:3,widths=5", "after the colon only"),
    ],
)
def test_networks_are_refused_with_what_is_allowed(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        read_network(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mnits", "Did you mean 'mnist'"),
        ("digits,limit=0", "limit must be a whole number at least 1, not '0'"),
        ("digits,limit=1.5", "a whole number"),
        ("folder:/a,b", "key=value"),
        ("digits,seed=\udcff", "UTF-8"),
        ("folder:/a\udcff", "UTF-8"),
        ("folder:~nobody-of-that-name/x", "write the full path"),
    ],
)
def test_data_sets_are_refused_with_what_is_allowed(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        read_data(text)


def test_equal_records_have_one_text() -> None:
    assert str(read_network("fcn:8-8-8,activation=relu,bias=true")) == "fcn:8x3"
    assert read_network("cnn,channels=16-16") == read_network("cnn,channels=16x2")
    assert str(read_data(" digits,limit=5 ")) == "digits,limit=5"
    assert read_data("folder:/a/../b//c") == Folder(path="/a/../b/c")


def test_a_path_that_can_not_be_written_is_refused() -> None:
    with pytest.raises(UsageError, match="comma"):
        Folder(path="/a,b")


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8), (1, 28, 32)])
def test_the_cnn_refuses_other_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="28x28 or 32x32"):
        Cnn().check_input(shape)


def test_the_cnn_refuses_more_pooling_than_pixels() -> None:
    with pytest.raises(UsageError, match="at most 4"):
        Cnn(channels="4x5").check_input((1, 28, 28))


def test_what_is_known_beforehand() -> None:
    assert (Digits.shape, Digits.classes) == ((1, 8, 8), 10)
    assert Fcn(widths=(3,)).check_input((7,)) is None
