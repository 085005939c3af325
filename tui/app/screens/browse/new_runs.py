"""Starting runs, filled in from what is chosen, and repeating them."""

from asyncio import to_thread
from itertools import combinations

from core.engine.client import Client
from core.specs.kinds import KINDS
from tui.app.screens.asking import Pick
from tui.app.screens.browse.browser import Browser
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.relaunch import RelaunchScreen
from tui.shared.columns import Row, models_of
from tui.shared.references import settled_names

DIGITS = "123456789"
MOST_OFFERED = 12  # rows whose models are offered for a new run, two by two


async def launch(browser: Browser) -> None:
    """Ask what to start, then for its options; models that are chosen are filled in."""
    choices = [(name, *one.entry) for name, one in KINDS.items() if one.title]
    kind = await browser.ask(Pick("Start what?", choices))
    prefill = None if kind is None else await _prefill(browser, kind)
    if kind is not None and prefill is not None:
        _show_new(browser, await browser.ask(LaunchScreen(browser.client, kind, prefill)))


async def _prefill(browser: Browser, kind: str) -> dict[str, object] | None:
    """What the chosen rows say of a new run: models, or the network and the data; None: none is wanted."""
    chosen, names = browser.table.chosen, KINDS[kind].positional
    rows = [row for row in map(browser.table.row, chosen[:MOST_OFFERED]) if row is not None]
    if kind == "train":
        return {name: rows[0].get(name) for name in names} if rows else {}
    if len(chosen) > MOST_OFFERED:
        browser.tell(f"At most {MOST_OFFERED} rows can be started from; {len(chosen):,} are marked.", wrong=True)
        return None
    models = await to_thread(_models, browser.client, browser.kind, rows)
    if len(models) <= len(names):
        return dict(zip(names, models, strict=False))
    return await _one_of(browser, list(combinations(models, len(names))), names)


async def _one_of(browser: Browser, offered: list[tuple[str, ...]], names: tuple[str, ...]) -> dict[str, object] | None:
    """Ask which of the models, or of their pairs, is meant."""
    title = "Connect which two?" if len(names) > 1 else "Which model?"
    choices = [(str(place), DIGITS[place : place + 1], " to ".join(models)) for place, models in enumerate(offered)]
    answer = await browser.ask(Pick(title, choices))
    return None if answer is None else dict(zip(names, offered[int(answer)], strict=True))


def _models(client: Client, kind: str, rows: list[Row]) -> list[str]:
    """The models that rows are about, as a command line names them."""
    with client.catalogue.read() as session:
        return list(dict.fromkeys(settled_names(session, [one for row in rows for one in models_of(kind, row)])))


async def relaunch(browser: Browser) -> None:
    _show_new(browser, await browser.ask(RelaunchScreen(browser.client, browser.table.chosen)))


def _show_new(browser: Browser, run_ids: list[int] | None) -> None:
    if run_ids:
        browser.tell(f"Enqueued: {', '.join(map(str, run_ids[:8]))}{' …' if len(run_ids) > 8 else ''}.")
        browser.show_row("runs", run_ids[0])
