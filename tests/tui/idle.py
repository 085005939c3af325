"""When an application under a pilot has nothing left to do: looked up, where Textual's own pilot goes by a clock."""

import asyncio
import time

from textual._context import active_app


async def idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Until no task can go on and nothing is to be painted; takes the place of `textual._wait.wait_for_idle`.

    That one sleeps 20 ms at least, twice for each key, and up to `max_sleep` while threads or other tests compute.
    """
    app, ready = active_app.get(), asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    ends = time.monotonic() + max_sleep
    await asyncio.sleep(0)
    while time.monotonic() < ends:
        if ready:
            await asyncio.sleep(0)
        elif app._resize_timer is not None:  # several changes of size are taken for one
            await asyncio.sleep(0.001)
        elif app.screen._update_timer._active.is_set():
            app.screen._on_timer_update()  # now, not after a sixtieth of a second
        else:
            return
