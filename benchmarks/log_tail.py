"""How long until the end of a log is on the screen, by its size. Sparse files, so that it needs no gigabyte."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult

from tui.app.widgets.log_view import LogView
from tui.shared.log_reader import found_before, start_of_last, tail

LINES = b"".join(b"epoch %d  train loss 0.01234  test loss 0.2345\n" % i for i in range(20_000))


class Shown(App[float]):
    """A log view that ends when its first window was painted."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def compose(self) -> ComposeResult:
        yield LogView()

    def on_mount(self) -> None:
        start = time.perf_counter()
        self.query_one(LogView).show(tail(self.file))
        self.call_after_refresh(lambda: self.exit(time.perf_counter() - start))


def main() -> None:
    print("log        tail read    on screen    last 100 lines    search 100 MB up")
    for size in (1_000_000, 100_000_000, 1_000_000_000):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "log.txt"
            with file.open("wb") as opened:
                opened.seek(max(size - len(LINES), 0))
                opened.write(LINES)
            seconds = [_timed(tail, file), asyncio.run(_shown(file)), _timed(start_of_last, file, 100)]
            search = f"{1e8 / size * _timed(found_before, file, 'nowhere', size):.3f} s" if size >= 1e8 else ""
            print(f"{size / 1e6:6.0f} MB " + "".join(f"{one * 1e3:9.1f} ms " for one in seconds) + f"     {search}")


def _timed(call: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


async def _shown(file: Path) -> float:
    return float(await Shown(file).run_async(headless=True, size=(80, 24)) or 0.0)


if __name__ == "__main__":
    sys.exit(main())
