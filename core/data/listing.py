"""The images of your own data set, train and test, with their labels. Imports no torch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.data.classes import IMAGES, ClassFolder, classes_in, is_hidden, is_image, list_class_folder
from core.errors import UsageError

PARTS = ("train", "test")


@dataclass(frozen=True)
class Listing:
    """Every image with its label, in order, train before test; the names of the classes; what was left out."""

    train: list[tuple[Path, int]]
    test: list[tuple[Path, int]]
    classes: list[str]
    notes: list[str]

    @property
    def labelled(self) -> list[tuple[Path, int]]:
        return [*self.train, *self.test]


def list_images(folder: Path) -> Listing:
    """All images of train/CLASS and test/CLASS in a folder.

    Raises UsageError where train and test don't have the same classes, a class has no image, or two share a folder.
    """
    classes = classes_of(folder)
    found = {part: [list_class_folder(one) for one in classes[part]] for part in PARTS}
    for part in PARTS:
        for one, there in zip(classes[part], found[part], strict=True):
            if not there.images:
                raise UsageError(
                    f"{one} has no images in it (readable formats: {', '.join(IMAGES)}): fill it or remove it."
                )
        _check_apart(found[part])
    train, test = ([(image, label) for label, one in enumerate(found[part]) for image in one.images] for part in PARTS)
    return Listing(train, test, [one.name for one in classes["train"]], list(_notes(folder, found)))


def classes_of(folder: Path) -> dict[str, list[Path]]:
    """The class folders of both parts. Raises UsageError where one part has none, or others than the other."""
    classes = {part: classes_in(folder / part) for part in PARTS}
    for part in PARTS:
        if not classes[part]:
            why = "no class folder in it" if (folder / part).is_dir() else "no such folder"
            raise UsageError(
                f"{folder / part}: {why}; an image folder has {folder}/train/CLASS/ and "
                f"{folder}/test/CLASS/ with images in them."
            )
    _require_same({part: {one.name for one in some} for part, some in classes.items()}, folder)
    return classes


def _require_same(names: dict[str, set[str]], folder: Path) -> None:
    alone = {"train": names["train"] - names["test"], "test": names["test"] - names["train"]}
    if odd := [f"{', '.join(sorted(some))} only in {part}/" for part, some in alone.items() if some]:
        raise UsageError(
            f"{folder}: train/ and test/ must have the same class folders, but there is {' and '.join(odd)}."
        )


def _check_apart(classes: Sequence[ClassFolder]) -> None:
    """Refuse links that put the images of one folder into two classes."""
    ways: dict[str, Path] = {}
    for one in classes:
        for real, way in one.folders.items():
            if real in ways:
                raise UsageError(
                    f"{ways[real]} and {way} are one folder in two classes, and an image has one: remove the link "
                    "that is wrong."
                )
        ways |= one.folders


def _notes(folder: Path, found: dict[str, list[ClassFolder]]) -> Iterator[str]:
    """What was there but not read, and what was read twice."""
    classes = [one for part in PARTS for one in found[part]]
    beside = [one for part in PARTS for one in sorted((folder / part).iterdir())]
    hidden = [one for one in beside if is_hidden(one.name)]
    loose = [one for one in beside if is_image(one.name) and not is_hidden(one.name) and one.is_file()]
    train, test = ({real: way for one in found[part] for real, way in one.folders.items()} for part in PARTS)
    for what, paths in {
        "hidden and system files or folders, skipped": hidden + [path for one in classes for path in one.hidden],
        "images in no class folder, skipped": loose,
        "links to folders already read or containing the link, skipped": [
            path for one in classes for path in one.again
        ],
        "folders that train and test have in common": [way for real, way in train.items() if real in test],
    }.items():
        if paths:
            yield f"{what}: {len(paths)}, the first {paths[0].relative_to(folder)}"
    if others := sum((one.others for one in classes), Counter()):
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
        yield f"files whose names aren't images', skipped: {others.total()} ({kinds})"
