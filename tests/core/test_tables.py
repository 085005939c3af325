"""Tables of the user's own: numbers standardised, texts as columns, and what is wrong with one in one sentence."""

from pathlib import Path

import pytest
import torch

from core.data.dataset import Dataset
from core.data.load import load
from core.errors import UsageError
from core.specs.data import read_data

ROWS = """part,size,colour,weight,kind
train,1,red,10,oak
train,3,blue,10,elm
train,5,red,10,oak
test,7,green,10,elm
"""


def read(folder: Path, text: str, options: str) -> Dataset:
    (folder / "trees.csv").write_text(text)
    return load(read_data(f"csv:{folder}/trees.csv,{options}"), folder)


def test_numbers_are_standardised_by_the_train_part_and_texts_become_columns(tmp_path: Path) -> None:
    data = read(tmp_path, ROWS, "target=kind,split=part").to("cpu", torch.float64)
    assert data.test is not None
    unit = (8 / 3) ** 0.5  # of 1, 3, 5
    wanted = [[-2 / unit, 0, 1, 0], [0, 1, 0, 0], [2 / unit, 0, 1, 0], [4 / unit, 0, 0, 0]]  # size, blue, red, weight
    assert torch.allclose(torch.cat([data.train.x, data.test.x]), torch.tensor(wanted, dtype=torch.float64), atol=1e-15)
    assert (data.classes, data.train.y.tolist(), data.test.y.tolist()) == (2, [1, 0, 1], [0])
    assert data.notes == ("texts of column colour that only test rows have, all of them 0: 1", "classes: elm, oak")


@pytest.mark.parametrize(
    ("column", "options", "classes", "targets"),
    [
        (["3", "1", "3", "1"], "", 2, [1, 0, 1, 0]),  # numbered in order, from 0
        (["10", "9", "10", "9"], "", 2, [1, 0, 1, 0]),
        (["1.5", "2", "1.5", "2"], "", None, [[1.5], [2.0], [1.5], [2.0]]),
        (["3", "1", "2", "4"], ",task=values", None, [[3.0], [1.0], [2.0], [4.0]]),
        (["3", "1", "2", "4"], ",task=classes", 4, [2, 0, 1, 3]),
    ],
)
def test_a_target_is_classes_or_values(
    tmp_path: Path, column: list[str], options: str, classes: int | None, targets: list[object]
) -> None:
    text = "x;y\n" + "".join(f"{i};{one}\n" for i, one in enumerate(column))
    data = read(tmp_path, text, f"target=y,test=0{options}")
    assert (data.classes, data.train.y.tolist(), data.test) == (classes, targets, None)


def test_a_split_is_drawn_by_its_seed(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(50))
    found = [read(tmp_path, text, f"target=y{options}") for options in ("", "", ",seed=1")]
    assert [len(one.train) for one in found] == [40, 40, 40]
    assert found[0].fingerprint == found[1].fingerprint != found[2].fingerprint


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (ROWS, "target=age", "has no column 'age': it has part, size, colour, weight, kind"),
        (ROWS.replace("5,red", ",red"), "target=kind", "column 'size' has no value in 1 rows, the first is row 3"),
        (ROWS.replace("5,red", "5;red"), "target=kind", "row 3 has 4 fields, and 5 columns are named"),
        (ROWS.replace("test", "later"), "target=kind,split=part", "must say train or test, and says 'later'"),
        (ROWS, "target=size", "4 different whole numbers in 4 rows: say task=values or task=classes"),
        (ROWS, "target=kind,task=values", "is not a finite number in every row"),
        (
            ROWS.replace("5,red,10,oak", "5,red,10,elm").replace("1,red,10,oak", "1,red,10,elm"),
            "target=kind,split=part",
            "nothing to tell apart in one class",
        ),
        (ROWS.replace("green,10,elm", "green,10,ash"), "target=kind,split=part", "no row to train on has kind=ash"),
        ("x,y\n1,2\n", "target=y,drop=x,task=values,test=0", "has no column beside the target"),
        ("x,x,y\n1,1,2\n", "target=y", "two columns have one name"),
        ("x,y\n", "target=y", "needs a line of names and rows below it"),
        ("", "target=y", "needs a line of names and rows below it"),
        ('x,y\n1,"2\n', "target=y", "can't be read as a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_one_sentence(
    tmp_path: Path, text: str, options: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, text, options)


@pytest.mark.parametrize(
    "options", ["target=kind,split=kind", "target=kind,drop=kind", "target=", "target=a,drop=a/ b"]
)
def test_columns_that_can_t_be_meant_are_refused(options: str) -> None:
    with pytest.raises(UsageError, match=r"^csv"):
        read_data(f"csv:/d/trees.csv,{options}")
