"""Starting runs, filled in from what is chosen, and repeating them."""

from asyncio import to_thread
from itertools import combinations

from core.engine.client import Client
from core.specs.kinds import KINDS
from core.specs.runs import Reference
from tui.app.screens.browse.browser import Browser
from tui.app.screens.launch import LaunchScreen
from tui.app.screens.questions import Pick, numbered
from tui.app.screens.relaunch import RelaunchScreen
from tui.shared.columns import Row, references_of
from tui.shared.formatting import named
from tui.shared.references import settle_names

MOST_OFFERED = 12  # rows whose models are offered for a new run, two by two


async def launch(browser: Browser) -> None:
    """Ask what to start, then for its options; models that are chosen are filled in."""
    choices = [(name, *one.entry) for name, one in KINDS.items() if one.title]
    kind = await browser.show_question(Pick("Start what?", choices))
    prefill = None if kind is None else await _prefill(browser, kind)
    if kind is not None and prefill is not None:
        _show_new(browser, await browser.show_question(LaunchScreen(browser.client, kind, prefill)))


async def _prefill(browser: Browser, kind: str) -> dict[str, object] | None:
    """What the chosen rows say of a new run: what it reads, or the network and the data; None: none is wanted."""
    chosen, run = browser.table.chosen, KINDS[kind]
    rows = await browser.chosen_rows(MOST_OFFERED)
    if not run.inputs:
        return {name: rows[0].get(name) for name in run.own if run.required(name) and name in rows[0]} if rows else {}
    if len(chosen) > MOST_OFFERED:
        browser.tell(f"At most {MOST_OFFERED} rows can start a run; {len(chosen):,} are marked.", wrong=True)
        return None
    names = tuple(name for name in run.positional if run.required(name))
    ref = run.reads(names[0])
    there = await to_thread(_named_by, browser.client, browser.kind, rows, ref)
    if run.several(names[0]) or (run.each and there):
        return {names[0]: " ".join(there)}
    if len(there) <= len(names):
        return dict(zip(names, there, strict=False))
    return await _one_of(browser, list(combinations(there, len(names))), names, ref.noun)


async def _one_of(
    browser: Browser, offered: list[tuple[str, ...]], names: tuple[str, ...], noun: str
) -> dict[str, object] | None:
    """Ask which of the models or paths (`noun`), or of their pairs, is meant."""
    title = "Connect which two?" if len(names) > 1 else f"Which {noun}?"
    choices = numbered([(str(place), " to ".join(some)) for place, some in enumerate(offered)])
    answer = await browser.show_question(Pick(title, choices))
    return None if answer is None else dict(zip(names, offered[int(answer)], strict=True))


def _named_by(client: Client, kind: str, rows: list[Row], ref: type[Reference]) -> list[str]:
    """The models or paths of rows, as a command line names them."""
    with client.catalogue.read() as session:
        names = [one for row in rows for one in references_of(kind, row, ref.noun)]
        return list(dict.fromkeys(settle_names(session, names, ref)))


async def relaunch(browser: Browser) -> None:
    _show_new(browser, await browser.show_question(RelaunchScreen(browser.client, browser.table.chosen)))


def _show_new(browser: Browser, run_ids: list[int] | None) -> None:
    if run_ids:
        browser.tell(f"Enqueued: {named('runs', run_ids)}.")
        browser.show_row("runs", run_ids[0])
