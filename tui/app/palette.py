"""The command palette: every key's action, recent filters, themes."""

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher

from tui.app.screens.browse.screen import BrowseScreen
from tui.app.screens.help import known_keys
from tui.shared.formatting import clean


class Palette(Provider):
    """Lines for the palette; choosing one is the press of its key."""

    async def startup(self) -> None:
        """Runs each time it opens: what can't be read is reported once."""
        self._known = list(self._lines())

    async def discover(self) -> Hits:
        for text, call in self._known:
            yield DiscoveryHit(Content(text), call, text=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, call in self._known:
            if (score := matcher.match(text)) > 0:
                yield Hit(score, _highlighted(matcher, text), call, text=text)

    def _lines(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for key, written, told, enabled in known_keys(self.screen):
            now = "" if enabled else " (not now)"
            yield f"{told}  ({written}){now}", partial(self.app.simulate_key, key)
        if isinstance(self.screen, BrowseScreen):
            for name, where in self.screen.browser.named_filters().items():
                yield clean(f"Filter @{name}: {where}"), partial(self.screen.browser.filter_by, where)
            for where in reversed(self.screen.browser.session.filters):
                yield clean(f"Filter: {where}"), partial(self.screen.browser.filter_by, where)
        for name in self.app.available_themes:
            yield f"Theme: {name}", partial(setattr, self.app, "theme", name)


def _highlighted(matcher: Matcher, text: str) -> Content:
    """What matches, marked; the matcher's own way takes brackets in a filter for markup."""
    _, places = matcher.fuzzy_search.match(matcher.query, text)
    content = Content(text)
    for place in places:
        content = content.stylize(matcher.match_style, place, place + 1)
    return content
