"""Repeating runs: unchanged or with other options, from a checkpoint or from scratch, after a preview."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from core.specs.options import Option
from core.specs.runs import from_json
from store import Runs
from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.screens.form_engine import FormEngine
from tui.app.screens.questions import leave
from tui.app.widgets.form import Form, OptionRow, option_explanation
from tui.app.widgets.keys import Keys
from tui.app.widgets.row_table import put
from tui.shared.columns import run_summary
from tui.shared.formatting import clean, named
from tui.shared.references import settle_references
from tui.shared.requests import DEVICE, changeable

if TYPE_CHECKING:
    from core.engine.client import Client
    from core.engine.relaunching import Relaunch
    from core.specs.runs import RunSpec

START = Option(
    "from",
    "one of checkpoint, scratch",
    None,
    "where they start; default: a checkpoint if there is one",
    required=False,
    choices=("checkpoint", "scratch"),
)


class RelaunchScreen(AppScreen[list[int] | None]):
    """Dismissed with the ids of the new runs, or None; the old runs stay as they are."""

    CSS_PATH = "relaunch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [BACK, Binding("ctrl+s", "relaunch", "Relaunch")]

    def __init__(self, client: "Client", run_ids: Sequence[int]) -> None:
        super().__init__()
        self.client, self.engine = client, FormEngine(self, client)
        self.run_ids = sorted(set(run_ids))
        self.plan: list[Relaunch] = []
        self.sending = False  # what was filled in is on its way into the queue

    def compose(self) -> ComposeResult:
        yield Static(f"Relaunch {named('runs', self.run_ids)}", id="title", markup=False)
        with VerticalScroll(can_focus=False):
            yield Form([OptionRow(START), OptionRow(DEVICE, kept="as before")], id="how")
            yield Static("reading ...", id="about", markup=False)
            yield Form(id="changes")
        yield Static(id="help", markup=False)
        yield Static(id="verdict", markup=False)
        yield DataTable(id="plan", cursor_type="row")
        yield Keys()

    def on_unmount(self) -> None:
        self.engine.close()

    def action_leave(self) -> None:
        leave(self, typed=not self.sending and any(form.texts for form in self.query(Form)))

    def on_mount(self) -> None:
        self.ask(lambda: specs_of(self.client, self.run_ids), self.offer, group="specs")
        self.rehearse()

    async def offer(self, specs: "Sequence[RunSpec]") -> None:
        """Ask for changes, where all runs take the same options; an empty field leaves an option as it was."""
        offered = [changeable(spec) for spec in specs]
        about = self.query_one("#about", Static)
        if len({tuple(option.name for option, _ in one) for one in offered}) != 1:
            about.update("Runs of several kinds: they can only be repeated as they were.")
            return
        about.update("Options; what you leave empty stays as it was:")
        rows = []
        for column in zip(*offered, strict=True):
            values = list(dict.fromkeys(value for _, value in column))
            rows.append(OptionRow(column[0][0], kept=values[0] if len(values) == 1 else "(several)"))
        await self.query_one("#changes", Form).fill(rows)

    @on(Form.Changed)
    def wait(self) -> None:
        """Make the plan again when nobody has typed for a moment."""
        self.engine.after_pause(self.rehearse)

    def rehearse(self) -> None:
        how, changes = self.query_one("#how", Form).texts, self.query_one("#changes", Form).texts
        resume = how.get(START.name)
        if self.sending:
            return
        self.engine.ask(
            lambda client: plan_relaunches(client, self.run_ids, resume, changes),
            lambda found: self.show(*found),
        )

    def show(self, plan: "list[Relaunch]", summaries: list[str], refused: dict[int, str]) -> None:
        """List what would be enqueued, and what can't be and why."""
        self.plan = plan
        self.query_one("#verdict", Static).update(clean(self.verdict(refused)))
        rows = [(run_id, "✗", clean(why)) for run_id, why in refused.items()]
        rows += [(one.run_id, one.resume, told) for one, told in zip(plan, summaries, strict=True)]
        cells = [[Text(str(run_id)), Text(resume), Text(told)] for run_id, resume, told in rows]
        put(self.query_one(DataTable), ("run", "from", "what, or why not"), cells)

    def verdict(self, refused: dict[int, str]) -> str:
        if refused and len(self.run_ids) == 1:
            return f"✗ {next(iter(refused.values()))}"
        rest = f"; {named('runs', list(refused))} can't be repeated" if refused else ""
        ready = f"{len(self.plan)} of {len(self.run_ids)} would be enqueued{rest}"
        return f"{'✗' if refused else '✓'} {ready}" + ("; ctrl+s relaunches" if self.plan else "")

    @on(DataTable.RowHighlighted)
    def show_full_line(self, message: DataTable.RowHighlighted) -> None:
        """A line of the plan that is cut in the list."""
        if self.query_one(DataTable).has_focus:
            *_, whole = message.data_table.get_row(message.row_key)
            self.query_one("#help", Static).update(whole)

    @on(Form.Entered)
    def explain(self, message: Form.Entered) -> None:
        self.query_one("#help", Static).update(option_explanation(message.option))

    def action_relaunch(self) -> None:
        """Enqueue what the forms say now, once, in a thread."""
        if self.sending:
            return
        self.sending = True
        how, changes = self.query_one("#how", Form).texts, self.query_one("#changes", Form).texts
        resume, device = how.get(START.name), how.get(DEVICE.name)

        def enqueue(client: "Client") -> list[int]:
            plan, _ = client.rehearse_relaunch(self.run_ids, resume=resume, changes=changes)
            return client.relaunch(plan, device=device)

        self.engine.ask(enqueue, self.finish, group="relaunch")

    def finish(self, new: list[int]) -> None:
        if new:
            self.dismiss(new)
        else:
            self.refused("None of these runs can be repeated this way: the list says why.")

    def refused(self, sentence: str) -> None:
        super().refused(sentence)
        self.sending = False


def specs_of(client: "Client", run_ids: Sequence[int]) -> "list[RunSpec]":
    """The specs of the runs, one of each kind."""
    with client.catalogue.read() as session:
        return [from_json(text) for text in dict.fromkeys(run.spec for run in Runs(session).several(run_ids))]


def plan_relaunches(
    client: "Client", run_ids: Sequence[int], resume: str | None, changes: dict[str, str]
) -> "tuple[list[Relaunch], list[str], dict[int, str]]":
    """The runs that would be enqueued, each in a few words, and why the others can't be repeated."""
    plan, refused = client.rehearse_relaunch(run_ids, resume=resume, changes=changes)
    with client.catalogue.read() as session:
        return plan, [run_summary(row) for row in settle_references(session, [vars(one.old) for one in plan])], refused
