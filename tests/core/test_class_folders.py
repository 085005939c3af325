"""Which files of a folder are images of a data set: each once, nothing hidden, and what is left out is told."""

import os
from pathlib import Path

import pytest
from disk import pixels, write_folders, write_image

from core.data.classes import classes_in
from core.data.files import images_in, locate
from core.data.folders import read_folder
from core.data.load import load
from core.errors import UsageError
from core.specs.data import read_data

CLASSES = ("a", "b")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two classes of two train images and one test image."""
    write_folders(tmp_path / "own", CLASSES, side=4)
    return tmp_path / "own"


def counted(folder: Path) -> tuple[list[int], list[str]]:
    """How many train images each class has, and what is told."""
    notes: list[str] = []
    train, _, classes = read_folder(folder, None, folder.parent / "cache", notes.append)
    return train.y.bincount(minlength=classes).tolist(), notes


def refused(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_folder(folder, None, folder.parent / "cache")
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints/0-checkpoint.png",
        ".git/objects/0.png",
        "._0.png",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "Desktop.INI",
        "Icon\r",
        "0.png:Zone.Identifier",
        "__MACOSX/._0.png",
        "@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg",
        "$RECYCLE.BIN/0.png",
        "deep/.thumbnails/0.png",
    ],
)
def test_hidden_files_and_companions_are_skipped_and_counted(own: Path, name: str) -> None:
    for part in ("train/a", "test/b"):
        file = own / part / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"no image")
    counts, notes = counted(own)
    assert counts == [2, 2]
    (note,) = notes
    assert note.startswith("hidden and system files or folders, skipped: 2, the first train/a/")


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN"])
def test_a_hidden_folder_is_no_class(own: Path, name: str) -> None:
    write_image(own / "train" / name / "0.png", pixels((4, 4, 3)))
    assert [one.name for one in classes_in(own / "train")] == ["a", "b"]
    assert counted(own) == ([2, 2], [f"hidden and system files or folders, skipped: 1, the first train/{name}"])


def test_a_data_set_may_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    write_folders(tmp_path / ".own", CLASSES, side=4)
    assert counted(tmp_path / ".own") == ([2, 2], [])


def test_other_files_and_images_without_a_class_are_told(own: Path) -> None:
    for name in ("notes.txt", "1.gif", "2.gif", "README"):
        (own / "train" / "a" / name).write_bytes(b"no image")
    write_image(own / "train" / "loose.png", pixels((4, 4, 3)))
    assert counted(own) == (
        [2, 2],
        [
            "images in no class folder, skipped: 1, the first train/loose.png",
            "files whose names aren't images', skipped: 4 (2 .gif, 1 no suffix, 1 .txt)",
        ],
    )


@pytest.mark.parametrize(
    "links",
    [
        {"again": "."},
        {"x": ".", "y": "."},
        {"up": ".."},
        {"out": "../../.."},
        {"deep/back": "..", "deep/again": "."},
    ],
)
def test_links_that_lead_in_a_circle_add_nothing(own: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        link = own / "train" / "a" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(target)
    assert len(images_in(own / "train" / "a")) == 2
    counts, notes = counted(own)
    assert counts == [2, 2]
    assert f"skipped: {len(links)}, the first train/a/" in notes[0]


def test_a_folder_that_links_lead_to_is_read_once(own: Path, tmp_path: Path) -> None:
    for i in range(3):
        write_image(tmp_path / "pool" / "sub" / f"{i}.png", pixels((4, 4, 3), i))
    a = own / "train" / "a"
    (a / "x").symlink_to(tmp_path / "pool")
    (a / "y").symlink_to(tmp_path / "pool")
    (a / "z").symlink_to(tmp_path / "pool" / "sub")
    counts, notes = counted(own)
    assert counts == [5, 2]
    assert notes == ["links to folders already read or containing the link, skipped: 2, the first train/a/y"]
    assert [str(one.relative_to(a)) for one in images_in(a)] == [
        "0.png",
        "1.png",
        *(f"x/sub/{i}.png" for i in range(3)),
    ]


def test_a_link_changes_nothing_about_what_really_lies_there(own: Path) -> None:
    a = own / "train" / "a"
    write_image(a / "real" / "0.png", pixels((4, 4, 3), 5))
    before = images_in(a)
    (a / "alias").symlink_to("real")
    assert images_in(a) == before


def test_classes_that_are_links_are_read(own: Path, tmp_path: Path) -> None:
    (own / "train" / "b").rename(tmp_path / "elsewhere")
    (own / "train" / "b").symlink_to(tmp_path / "elsewhere")
    assert counted(own) == ([2, 2], [])


@pytest.mark.parametrize(
    ("link", "target"), [("train/a/x", "../b"), ("train/b/x", "../a"), ("train/a/x/y", "../../b/d")]
)
def test_a_folder_in_two_classes_is_refused(own: Path, link: str, target: str) -> None:
    write_image(own / "train" / "b" / "d" / "0.png", pixels((4, 4, 3)))
    (own / link).parent.mkdir(exist_ok=True)
    (own / link).symlink_to(target)
    sentence = refused(own)
    assert str(own / link) in sentence
    assert "one folder in two classes" in sentence


def test_a_test_set_that_is_the_train_set_is_told(own: Path) -> None:
    for name in CLASSES:
        (own / "test" / name / "0.png").unlink()
        (own / "test" / name).rmdir()
    (own / "test").rmdir()
    (own / "test").symlink_to("train")
    assert counted(own) == ([2, 2], ["folders that train and test have in common: 2, the first train/a"])


@pytest.mark.parametrize("name", ["train/a/gone.png", "train/a/gone", "train/gone", "train/a/self.png"])
def test_links_that_lead_nowhere_are_named(own: Path, name: str) -> None:
    (own / name).symlink_to("self.png" if "self" in name else "/nowhere/else")
    assert f"{own / name} is a link to" in refused(own)
    (own / name).unlink()
    (own / name).with_name(".gone").symlink_to("/nowhere/else")
    assert counted(own)[0] == [2, 2]


def test_a_pipe_that_is_called_like_an_image_is_named(own: Path) -> None:
    os.mkfifo(own / "train" / "a" / "9.png")
    assert "a/9.png is named like an image but is not a file" in refused(own)


def test_classes_are_compared_and_looked_into_before_a_run_exists(own: Path, tmp_path: Path) -> None:
    spec = read_data(f"folder:{own}")
    assert locate(spec, tmp_path) == own
    (own / "test" / "a" / "0.png").rename(own / "test" / "a" / ".0.png")
    with pytest.raises(UsageError, match="test/a has no images in it"):
        locate(spec, tmp_path)
    (own / "test" / "a").rename(own / "test" / "c")
    with pytest.raises(UsageError, match="but there is a only in train/ and c only in test/"):
        locate(spec, tmp_path)


def test_a_folder_in_two_classes_is_refused_before_a_run_exists(own: Path, tmp_path: Path) -> None:
    (own / "train" / "a" / "x").symlink_to("../b")
    with pytest.raises(UsageError, match="one folder in two classes"):
        locate(read_data(f"folder:{own}"), tmp_path)


def test_notes_come_with_the_data_set(own: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(own / "train" / "a") + b"/.\xff")).write_bytes(b"")
    data = load(read_data(f"folder:{own}"), tmp_path)
    assert data.notes == ("hidden and system files or folders, skipped: 1, the first train/a/.\\xff",)


def test_names_that_are_no_utf_8_are_read_and_named(own: Path) -> None:
    summer, file = "\udce9t\udce9", "\udcff.png"  # as Python holds such bytes
    for part in ("train", "test"):
        (own / part / "b").rename(own / part / summer)
    (own / "train" / summer / "1.png").rename(own / "train" / summer / file)
    assert counted(own) == ([2, 2], [])
    (own / "train" / summer / file).write_bytes(b"no image")
    assert "train/\\xe9t\\xe9/\\xff.png can't be read as an image" in refused(own)
    assert "own\\xe0/train/\\xe9t\\xe9/\\xff.png" in refused(own.rename(own.with_name("own\udce0")))
