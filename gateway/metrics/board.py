"""All that one process counts and shows, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.metrics.cells import Cells
from gateway.metrics.counting import Metrics
from gateway.metrics.endpoint import Endpoint
from gateway.metrics.gauges import Gauges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.breaker.views import UpstreamView
    from gateway.metrics.cells import Reading
    from gateway.metrics.gauges import Load


class Board:
    """`token` and `directory` as in `GatewayConfig`; `load` and `views` are asked for what is so now."""

    def __init__(
        self,
        token: str,
        directory: Path | None,
        load: Callable[[], Load],
        views: Callable[[], Sequence[UpstreamView]],
    ) -> None:
        self._cells = Cells(directory)
        self.metrics = Metrics(self._cells)
        self.gauges = Gauges(self._cells, load, views)
        self.endpoint = Endpoint(token, self._cells, self.gauges)

    def readings(self) -> list[Reading]:
        return self._cells.readings()

    def close(self) -> None:
        self._cells.close()
