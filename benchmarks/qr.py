"""What one QR code costs: choosing and encoding it, and drawing its cells."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import segno

from screens.widgets.qr import Glyphs, draw, encode
from tui_admin.security.otp import SharedKey, provisioning_uri

Item = TypeVar("Item")


@dataclass(frozen=True)
class QRTimes:
    """Medians over many codes."""

    bare_segno_s: float
    encode_s: float
    draw_s: float


def measure(runs: int = 60) -> QRTimes:
    """Encode and draw `runs` fresh keys."""
    uris = [
        provisioning_uri(SharedKey.random(), issuer="WEDOS Internet", account="customer")
        for _run in range(runs)
    ]
    matrices = [encode(uri) for uri in uris]
    return QRTimes(
        bare_segno_s=_median(lambda uri: segno.make(uri, error="l", micro=False), uris),
        encode_s=_median(encode, uris),
        draw_s=_median(lambda matrix: draw(matrix, Glyphs.HALF, 16), matrices),
    )


def _median(work: Callable[[Item], object], items: Sequence[Item]) -> float:
    times = []
    for item in items:
        begin = time.perf_counter()
        work(item)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
