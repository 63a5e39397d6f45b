"""How often Python looks for garbage: it counts what was imported each time, which is most of what there is."""

from __future__ import annotations

import gc


def rarely(after: int) -> None:
    """Leave out for good what is there by now, and look again only after so many more containers than died."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(after, 20, 50)
