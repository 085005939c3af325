"""Images of one's own through a real worker: the cause of a failure and what is left out can be read."""

from pathlib import Path

import numpy as np
from PIL import Image

from core.specs.runs import Train
from tests.engine.conftest import Engine


def training(folder: Path) -> Train:
    return Train(network="fcn:4", data=f"folder:{folder}", epochs=1)


def write_folder(folder: Path) -> None:
    for i, name in enumerate(("train/a/0.png", "train/b/0.png", "test/a/0.png", "test/b/0.png")):
        (folder / name).parent.mkdir(parents=True)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (4, 4)).astype(np.uint8)).save(folder / name)


def test_a_broken_image_is_the_cause_whatever_its_name(engine: Engine, tmp_path: Path) -> None:
    write_folder(tmp_path / "own")
    (tmp_path / "own" / "train" / "b" / "\udcff.png").write_bytes(b"no image")  # a byte that is no UTF-8
    (run,) = engine.finish(engine.enqueue(training(tmp_path / "own")))
    assert (run.state, run.cause_kind) == ("failed", "bad input")
    assert (run.cause or "").startswith(f"{tmp_path}/own/train/b/\\xff.png can't be read as an image")


def test_the_log_says_what_was_skipped(engine: Engine, tmp_path: Path) -> None:
    write_folder(tmp_path / "own")
    (tmp_path / "own" / "train" / "b" / ".\udcff.png").write_bytes(b"no image")
    (run,) = engine.finish(engine.enqueue(training(tmp_path / "own")))
    assert run.state == "done", run.cause
    log = (engine.folder(run.id) / "log.txt").read_text()
    assert "hidden and system files or folders, skipped: 1, the first train/b/.\\xff.png" in log
