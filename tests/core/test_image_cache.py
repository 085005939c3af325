"""Decoded images are kept, and a change of a file is seen; without a cache all goes on."""

import os
import shutil
import time
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest
import torch
from disk import pixels, write_folders, write_image
from safetensors.torch import save_file

from core.data import folders, stamps
from core.data.cache import cached
from core.data.dataset import Split
from core.data.folders import read_folder
from core.data.load import load
from core.data.stamps import stamp_of
from core.specs.data import read_data


@pytest.fixture
def own(tmp_path: Path) -> Path:
    write_folders(tmp_path / "own", ("a", "b"), side=6)
    return tmp_path / "own"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times tell from the first moment, as they do once a folder has lain there for some seconds."""
    monkeypatch.setattr(stamps, "SETTLING", -60.0)


def train_of(own: Path) -> Split:
    return read_folder(own, None, own.parent / "cache")[0]


def undecoded(own: Path, monkeypatch: pytest.MonkeyPatch) -> Split:
    """What is read from the cache alone."""
    with monkeypatch.context() as patched:
        patched.setattr(folders, "_pixels", lambda *_: pytest.fail("decoded again"))
        return train_of(own)


def unread(own: Path, monkeypatch: pytest.MonkeyPatch) -> Split:
    """What is read from the cache without a look into an image."""
    with monkeypatch.context() as patched:
        patched.setattr(folders, "_bytes_of", lambda *_: pytest.fail("read again"))
        return train_of(own)


def twin_of(own: Path) -> Path:
    """Other images under the same names, of the same sizes in bytes, with the same times of modification."""
    twin = own.with_name("twin")
    shutil.copytree(own, twin)
    for file in own.glob("train/*/*.png"):
        there, here = twin / file.relative_to(own), file.stat()
        write_image(there, 255 - pixels((6, 6, 3), int(file.stem)))
        there.write_bytes(there.read_bytes().ljust(here.st_size, b"\0")[: here.st_size])
        os.utime(there, ns=(here.st_atime_ns, here.st_mtime_ns))
    return twin


def sizes_and_times(folder: Path) -> list[tuple[int, int]]:
    return [(one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(folder.rglob("*.png"))]


@pytest.mark.usefixtures("at_once")
def test_a_folder_that_lies_still_is_not_read_again(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_of(own)
    assert torch.equal(unread(own, monkeypatch).x, first.x)


@pytest.mark.usefixtures("at_once")
def test_a_folder_replaced_under_equal_names_sizes_and_times_is_seen(own: Path) -> None:
    for file in own.glob("train/*/*.png"):  # room for others of the same size
        file.write_bytes(file.read_bytes() + bytes(200))
    twin = twin_of(own)
    assert sizes_and_times(twin) == sizes_and_times(own)
    first = train_of(own)
    own.rename(own.with_name("old"))
    twin.rename(own)
    second = train_of(own)
    assert not torch.equal(first.x, second.x)
    own.rename(own.with_name("twin"))
    own.with_name("old").rename(own)
    assert torch.equal(train_of(own).x, first.x)


@pytest.mark.usefixtures("at_once")
def test_a_file_written_anew_with_its_old_time_is_seen(own: Path) -> None:
    first, file = train_of(own), own / "train" / "a" / "0.png"
    before = file.stat()
    write_image(file, pixels((6, 6, 3), 77))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not torch.equal(train_of(own).x, first.x)


@pytest.mark.usefixtures("at_once")
def test_a_folder_that_was_made_in_the_same_tick_is_another(tmp_path: Path) -> None:
    for turn in range(1000):
        files = [tmp_path / f"{turn}-{one}" / "0.png" for one in "ab"]
        for file in files:
            file.parent.mkdir()
        for file in files:
            file.touch()  # nothing looks at it, which would make the clock finer
        here, there = (file.stat() for file in files)
        if (here.st_mtime_ns, here.st_ctime_ns) == (there.st_mtime_ns, there.st_ctime_ns):
            break
    else:
        pytest.skip("the clock of files is too fine for two to be made at once")
    before = stamp_of(files[:1])
    files[0].parent.rename(tmp_path / "away")
    files[1].parent.rename(files[0].parent)
    assert stamp_of(files[:1]) != before


@pytest.mark.usefixtures("at_once")
def test_a_folder_of_the_same_content_is_read_and_not_decoded(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_of(own)
    own.rename(own.with_name("old"))
    shutil.copytree(own.with_name("old"), own)
    assert torch.equal(undecoded(own, monkeypatch).x, first.x)
    assert torch.equal(unread(own, monkeypatch).x, first.x)
    assert len(list((own.parent / "cache").iterdir())) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", [None, "nfs4", "fuse.sshfs", "vfat", "9p"])
def test_where_times_do_not_tell_contents_do(own: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None) -> None:
    monkeypatch.setattr(stamps, "file_system", lambda _: kind)
    assert stamp_of(sorted(own.rglob("*.png"))) is None
    first = train_of(own)
    assert torch.equal(undecoded(own, monkeypatch).x, first.x)
    write_image(own / "train" / "a" / "0.png", pixels((6, 6, 3), 77))
    assert not torch.equal(train_of(own).x, first.x)


def test_times_tell_once_a_change_is_some_seconds_old(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(own.rglob("*.png"))
    assert stamp_of(files) is None
    first = train_of(own)
    time.sleep(stamps.SETTLING + 0.1)
    if stamps.file_system(own) not in stamps.RELIABLE:
        pytest.skip("no file system whose times tell")
    assert stamp_of(files) == stamp_of(files) != stamp_of(files[::-1])
    assert torch.equal(undecoded(own, monkeypatch).x, first.x)
    assert torch.equal(unread(own, monkeypatch).x, first.x)


def test_what_an_earlier_way_of_reading_kept_is_not_found(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_of(own)
    monkeypatch.setattr(folders, "READING", 3)
    monkeypatch.setattr(folders, "_pixels", lambda *_: torch.zeros(3, 6, 6, dtype=torch.uint8).numpy())
    assert not train_of(own).x.any()


def test_labels_and_size_belong_to_the_content(own: Path) -> None:
    first = train_of(own)
    assert read_folder(own, 3, own.parent / "cache")[0].x.shape == (4, 3, 3, 3)
    (own / "train" / "a" / "1.png").rename(own / "train" / "b" / ".1.png")
    (own / "train" / "b" / ".1.png").rename(own / "train" / "b" / "-1.png")
    second = train_of(own)
    assert torch.equal(first.x, second.x)
    assert (first.y.tolist(), second.y.tolist()) == ([0, 0, 1, 1], [0, 1, 1, 1])


def test_a_full_disk_ends_nothing_and_nothing_is_left_of_the_draft(own: Path, tmp_path: Path) -> None:
    old = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (500, old[1]))  # a longer file fails as on a full disk, by EFBIG in place of ENOSPC
    try:
        data = load(read_data(f"folder:{own},whiten=true"), tmp_path / "root")
    finally:
        setrlimit(RLIMIT_FSIZE, old)
    assert len(data.train) == 4
    assert list((tmp_path / "root" / "cache").iterdir()) == []
    assert len(data.notes) == 2
    assert all("cache can't be written, so the same work will be done again" in note for note in data.notes)


def test_a_folder_in_the_way_of_the_cache_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "x-key.safetensors").mkdir()
    notes: list[str] = []
    assert cached(tmp_path, "x", "key", lambda: {"a": torch.ones(2)}, notes.append)["a"].tolist() == [1, 1]
    assert len(notes) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["x-key.safetensors"]


def test_caches_of_the_same_folder_that_are_out_of_date_are_removed(own: Path) -> None:
    train_of(own)
    (file,) = (own.parent / "cache").iterdir()
    family = "-".join(file.stem.split("-")[:2])
    save_file({"train.x": torch.zeros(1)}, file.with_name(f"{family}-of-before.safetensors"))
    save_file({"train.x": torch.zeros(1)}, file.with_name("folder-another-1-2.safetensors"))
    write_image(own / "train" / "a" / "0.png", pixels((6, 6, 3), 77))
    train_of(own)
    left = sorted(one.name for one in (own.parent / "cache").iterdir())
    assert len(left) == 2
    assert "folder-another-1-2.safetensors" in left
