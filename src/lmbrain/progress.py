"""Progress of long work: a bar on a terminal, now and then a line in the log elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30.0

logger = logging.getLogger(__name__)


class Progress:
    """Count finished units of work; a context manager.

    On a terminal (stderr) a tqdm bar; otherwise log lines with the share done, the rate and the
    time left, at most one in `SECONDS_BETWEEN_LINES` and one at the end. Never both.

    Parameters
    ----------
    total
        Units of the whole work.
    unit, title
        Words for the display.
    done
        Units that were finished before (resumed work); they do not count for the rate.
    show
        False: nothing is shown.
    """

    def __init__(self, total: int, unit: str, title: str, *, done: int = 0, show: bool = True):
        self.total, self.unit, self.title = total, unit, title
        self.done = self.before = done
        terminal = sys.stderr.isatty()
        self.lines = show and not terminal
        self.bar = tqdm(
            total=total, initial=done, unit=unit, desc=title, disable=not (show and terminal)
        )
        self.start = self.told = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def update(self, units: int) -> None:
        """Count `units` more."""
        self.bar.update(units)
        self.done += units
        now = time.monotonic()
        if self.lines and (now - self.told >= SECONDS_BETWEEN_LINES or self.done == self.total):
            self.told = now
            logger.info("%s", self._line(now - self.start))

    def _line(self, elapsed: float) -> str:
        rate = (self.done - self.before) / max(elapsed, 1e-9)
        line = f"{self.title}: {self.done} of {self.total} {self.unit}s, {rate:.3g} a second"
        if self.done < self.total:
            line += f", {_duration((self.total - self.done) / rate)} left"
        return line


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
