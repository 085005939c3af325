"""Class folders: the images of your own data set, and whatever else is among them. Imports no torch."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import UsageError

IMAGES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")  # as torchvision's
COMPANIONS = frozenset(  # what systems leave in folders of other people's, in lower case
    {
        "$recycle.bin",
        "#recycle",
        "#snapshot",
        "@eadir",
        "@recycle",
        "@tmp",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "folder.htt",
        "icon\r",
        "lost+found",
        "network trash folder",
        "picasa.ini",
        "system volume information",
        "thumbs.db",
    }
)
ORIGIN = ":zone.identifier"  # ends a file in which Windows notes where another came from


@dataclass
class ClassFolder:
    """The contents of a class folder: its images, and everything else by how it is handled."""

    images: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)  # ways to folders that were read already or contain this one
    others: Counter[str] = field(default_factory=Counter)  # files that are no images by name, by their suffixes
    folders: dict[str, Path] = field(default_factory=dict)  # every real folder that was read, and the way to it


def classes_in(part: Path) -> list[Path]:
    """The class folders of a `train` or `test` folder, in order of name; hidden ones are none.

    Raises UsageError for a link that leads nowhere.
    """
    if not part.is_dir():
        return []
    listed = [one for one in part.iterdir() if not is_hidden(one.name)]
    return sorted((one for one in listed if stat.S_ISDIR(state_of(one).st_mode)), key=_name)


def images_in(folder: Path) -> list[Path]:
    """All images below a class folder, in the order of torchvision's ImageFolder; each real folder is read once."""
    return list_class_folder(folder).images


def is_image(name: str) -> bool:
    """Whether a file of that name is an image."""
    return name.lower().endswith(IMAGES)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or a companion that some system left."""
    return name.startswith(".") or name.lower() in COMPANIONS or ORIGIN in name.lower()


def list_class_folder(folder: Path) -> ClassFolder:
    """List a class folder. Raises UsageError if it can't be read or a link leads nowhere."""
    found = ClassFolder()
    for place, names in sorted(_walk(folder, found)):
        for name in sorted(names):
            file = Path(place, name)
            if is_image(name):
                found.images.append(file)
            else:
                state_of(file)  # a link that leads nowhere may have led to images
                found.others[file.suffix.lower() or "no suffix"] += 1
    return found


def _walk(folder: Path, found: ClassFolder) -> Iterator[tuple[str, list[str]]]:
    """Every real folder once, with its names that aren't hidden: first those below, then the targets of links."""
    above = {os.path.realpath(one) for one in (*folder.absolute().parents, *folder.resolve().parents)}
    waiting = [str(folder)]
    while waiting:
        links: list[str] = []
        for start in sorted(waiting):
            for place, folders, names in os.walk(start, onerror=_unreadable):
                real = os.path.realpath(place)
                if real in above or real in found.folders:
                    found.again.append(Path(place))
                    folders.clear()
                    continue
                found.folders[real] = Path(place)
                found.hidden += [Path(place, name) for name in (*folders, *names) if is_hidden(name)]
                folders[:] = [name for name in folders if not is_hidden(name)]
                links += [str(one) for name in folders if (one := Path(place, name)).is_symlink()]
                yield place, [name for name in names if not is_hidden(name)]
        waiting = links


def state_of(path: Path) -> os.stat_result:
    """What the system says of a file or folder, or of what a link leads to. Raises UsageError if it isn't there."""
    try:
        return path.stat()
    except OSError as error:
        what = f"is a link to {path.readlink()}, which" if path.is_symlink() else "is listed, but"
        raise UsageError(f"{path} {what} can't be read ({error.strerror}): repair or remove it.") from None


def _unreadable(error: OSError) -> None:
    raise UsageError(f"{error.filename} can't be read ({error.strerror}): make it readable or remove it.")


def _name(path: Path) -> str:
    return path.name
