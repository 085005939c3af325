"""The form for a new run: made from the specs, checked while it is filled in, with the equivalent command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from core.errors import UsageError
from core.specs.data import DATA
from core.specs.kinds import KINDS
from core.specs.networks import NETWORKS
from core.specs.options import Option, text_of
from core.specs.runs import RunSpec
from store.errors import StoreError
from tui.app.screens.app_screen import BACK, AppScreen
from tui.app.screens.form_engine import FormEngine
from tui.app.screens.questions import leave
from tui.app.widgets.form import Form, option_explanation, rows_of
from tui.app.widgets.keys import Keys
from tui.shared.formatting import clean
from tui.shared.location import command_at
from tui.shared.requests import DEVICE, command_line, further_options, head_options, specs_of

if TYPE_CHECKING:
    from core.engine.client import Client

KNOWN = {"network": list(NETWORKS), "data": list(DATA)}


class LaunchScreen(AppScreen[list[int] | None]):
    """Dismissed with the ids of the enqueued runs, or None.

    `prefill` gives values by option, such as {"a": 1, "b": 2, "method": "string", "below": 0.05}.
    """

    CSS_PATH = "launch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("ctrl+s", "launch", "Launch"),
        Binding("ctrl+y", "copy", "Copy command"),
        Binding("tab", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, client: "Client", kind: str, prefill: Mapping[str, object]) -> None:
        super().__init__()
        self.engine = FormEngine(self, client)
        self.kind = kind
        self.sending = False  # what was filled in is on its way into the queue
        self.prefill = {name: text_of(value) for name, value in prefill.items() if value is not None}
        self.program = command_at(client.catalogue.path)
        self.at_first: dict[str, str] = {}
        self.choice = KINDS[kind].choice
        if self.choice is not None:
            self.prefill.setdefault(self.choice.flag, next(iter(self.choice.among)))

    def compose(self) -> ComposeResult:
        yield Static(KINDS[self.kind].title, id="title", markup=False)
        with VerticalScroll(can_focus=False):
            yield Form(rows_of(head_options(self.kind), self.prefill, KNOWN), id="head")
            yield Form(rows_of(self.further(self.prefill), self.prefill, {}), id="further")
        yield Static(id="help", markup=False)
        yield Static(id="verdict", markup=False)
        yield Static(id="command", markup=False)
        yield Keys()

    async def on_mount(self) -> None:
        self.at_first = self.texts
        await self.judge()

    def on_unmount(self) -> None:
        self.engine.close()

    def action_leave(self) -> None:
        leave(self, typed=self.texts != self.at_first and not self.sending)

    def further(self, texts: Mapping[str, str]) -> list[Option]:
        return further_options(self.kind, None if self.choice is None else texts.get(self.choice.flag))

    @property
    def texts(self) -> dict[str, str]:
        """What was filled in, in both parts of the form."""
        return {**self.query_one("#head", Form).texts, **self.query_one("#further", Form).texts}

    @on(Form.Changed)
    async def judge(self, message: Form.Changed | None = None) -> None:
        """Show what is wrong, and the equivalent command; another choice has other options."""
        if message is not None and self.choice is not None and message.name == self.choice.flag:
            texts = {**self.prefill, **self.texts}
            await self.query_one("#further", Form).fill(rows_of(self.further(texts), texts, {}))
        texts = self.texts
        self.query_one("#command", Static).update(clean(f"$ {self.command(texts)}"))
        self.engine.cancel_pending()
        missing = [one.name for one in head_options(self.kind) if one.required and one.name not in texts]
        try:
            specs = self.specs(texts)
        except UsageError as error:
            self.say(f"· still needed: {', '.join(missing)}" if missing else f"✗ {error}")
        else:
            self.say("· checking ...")
            if message is None:  # nobody typed yet
                self.rehearse(texts, specs)
            else:
                self.engine.after_pause(lambda: self.rehearse(texts, specs))

    def rehearse(self, texts: Mapping[str, str], specs: Sequence[RunSpec]) -> None:
        """Ask the engine what it would refuse."""
        if self.sending:
            return

        def refusal(client: "Client") -> str:
            try:
                for spec in specs:
                    client.rehearse(spec, device=texts.get(DEVICE.name))
            except (UsageError, StoreError) as error:
                return str(error)
            return ""

        def tell(refusal: str) -> None:
            if texts == self.texts and not self.sending:
                self.say(f"✗ {refusal}" if refusal else "✓ ready: ctrl+s launches")

        self.engine.ask(refusal, tell, group="rehearsal")

    def say(self, verdict: str) -> None:
        line = self.query_one("#verdict", Static)
        line.update(clean(verdict))
        line.set_class(verdict.startswith("✗"), "-wrong")

    def specs(self, texts: Mapping[str, str]) -> list[RunSpec]:
        return specs_of(self.kind, {name: text for name, text in texts.items() if name != DEVICE.name})

    def command(self, texts: Mapping[str, str]) -> str:
        return command_line(self.program, self.kind, texts)

    @on(Form.Entered)
    def explain(self, message: Form.Entered) -> None:
        self.query_one("#help", Static).update(option_explanation(message.option))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.command(self.texts))

    def action_launch(self) -> None:
        """Enqueue, once, in a thread; the engine says what it refuses."""
        if self.sending:
            return
        texts = self.texts
        try:
            specs = self.specs(texts)
        except UsageError as error:
            self.refused(str(error))
            return
        self.sending = True
        self.say("▸ enqueueing ...")
        self.engine.ask(lambda client: client.enqueue_all(specs, device=texts.get(DEVICE.name)), self.finish)

    def finish(self, run_ids: list[int]) -> None:
        self.dismiss(run_ids)

    def refused(self, sentence: str) -> None:
        super().refused(sentence)
        self.sending = False
        self.say(f"✗ {sentence}")
