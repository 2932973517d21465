"""`make bench`: figures and ratios in one run, each beside a peer or a bare baseline.

What is wanted stands beside what was got. On a shared machine the ratios say more than the
figures: what they compare was measured by turns.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys

from benchmarks import outbox, qr, sign_in, ssh
from benchmarks.terminal import Keys, Program, Terminal, measure_idle, measure_keys, measure_starts

MIB = 1024 * 1024
DEMO = [sys.executable, "-m", "tui_admin", "demo"]
EMPTY = [sys.executable, "-m", "benchmarks.empty_app"]
PLAIN = [sys.executable, "-m", "benchmarks.plain_form"]
NAME = "somebody.with.a.long.name@example.com"


def main() -> None:
    """Print one table; `--quick` opens fewer terminals, `ssh` measures those alone."""
    quick = "--quick" in sys.argv
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{os.cpu_count()} cores, load {load}\n"
    )
    if "ssh" in sys.argv:
        terminals(quick=quick)
        return
    starts()
    keys_and_memory()
    terminals(quick=quick)
    codes()
    sign_ins()
    letters()


def row(what: str, got: str, wanted: str = "") -> None:
    """Print one line of the table."""
    print(f"{what:<52} {got:>22}  {wanted}", flush=True)


def starts() -> None:
    """Process start to first frame."""
    programs = {
        "empty": Program(EMPTY),
        "plain": Program(PLAIN, marker="Log in"),
        "demo": Program(DEMO, marker="Log in"),
    }
    measured = measure_starts(programs, runs=9)
    empty, plain, demo = (measured[name] for name in programs)
    for name, one in (
        ("empty Textual app", empty),
        ("plain Textual form", plain),
        ("tui-admin", demo),
    ):
        row(
            f"start to first frame, {name}",
            f"{one.median.first_frame_s:.3f} s (best {one.best.first_frame_s:.3f})",
            "0.5 s" if one is demo else "",
        )
    row("  tui-admin / empty", f"{demo.ratio_to(empty):.2f}", "under 1.3")
    row("  plain form / empty", f"{plain.ratio_to(empty):.2f}")


def keys_and_memory() -> None:
    """CPU per key in a form, and what a terminal holds when it rests."""
    for name, command in (("plain Textual form", PLAIN), ("tui-admin", DEMO)):
        with Terminal(command) as terminal:
            terminal.wait_for("Log in")
            terminal.wait_for_rest()
            got: Keys = measure_keys(terminal, NAME)
            idle = measure_idle(terminal, 3)
            row(
                f"CPU a key, {name}",
                f"{got.cpu_per_key_s * 1000:.2f} ms",
                "4 ms at most" if name == "tui-admin" else "",
            )
            row(
                f"  key to frame, {name}",
                f"{got.median_s * 1000:.1f} ms (95th {got.p95_s * 1000:.1f})",
            )
            row(f"  CPU at rest, {name}", f"{idle.cpu_share:.2%}", "")
            row(f"  resident memory, {name}", f"{terminal.rss_bytes() / MIB:.1f} MiB")
    with Terminal(EMPTY) as terminal:
        terminal.wait_for_screenful()
        terminal.wait_for_rest()
        row("  resident memory, empty Textual app", f"{terminal.rss_bytes() / MIB:.1f} MiB")


def terminals(*, quick: bool) -> None:
    """Many terminals on one server by SSH, beside a process for each terminal."""
    before = os.getloadavg()[0]
    got = ssh.measure(*((50, 0) if quick else (200, 1000)))
    peer = ssh.measure_processes()
    row("SSH: load before and after", f"{before:.1f}, {os.getloadavg()[0]:.1f}")
    row("SSH: handshake alone (`version`)", spread(got["handshake_s"]))
    row("SSH: connect to first frame, 80x24", spread(got["paced_s"]), "25 ms, 95th 80")
    row("  a size that nobody had before", spread(got["other_size_s"]))
    row("  twenty at once", spread(got["burst_s"]))
    row("  process for each, start to first frame", f"{peer.start.first_frame_s * 1000:.1f} ms")
    row("  server's CPU for an arrival", f"{got['arrival_cpu_s'] * 1000:.1f} ms")
    row("SSH: key to frame, alone", spread(got["alone_s"]), "6 ms")
    row(f"  {got['terminals']} typing", spread(got["crowd_s"]), "16 ms, 95th 50")
    row(
        "  process for each, alone",
        f"{peer.keys.median_s * 1000:.1f} ms (95th {peer.keys.p95_s * 1000:.1f})",
    )
    row("SSH: server's CPU a key", f"{got['crowd_cpu_s'] * 1000:.2f} ms", "4 ms")
    row("  the load client's own", f"{got['client_cpu_s'] * 1000:.2f} ms")
    row("  process for each", f"{peer.keys.cpu_per_key_s * 1000:.2f} ms")
    row(f"SSH: CPU of {got['terminals']} at rest", f"{got['idle_share']:.2%} of a core", "nothing")
    row("SSH: memory a terminal", f"{got['bytes_each'] / MIB:.2f} MiB", "1.5 MiB")
    row("  process for each, resident", f"{peer.start.rss_bytes / MIB:.1f} MiB")
    row("SSH: terminals opened a second", f"{got['opened_per_s']:.1f}")
    if got["held_wanted"]:
        row(
            f"SSH: alive of {got['held_wanted']} held",
            f"{got['held']} in {got['held_bytes'] / MIB:.0f} MiB",
            "1000",
        )


def spread(times: dict[str, float]) -> str:
    """Median and 95th of times in seconds."""
    return f"{times['median'] * 1000:.1f} ms (95th {times['p95'] * 1000:.1f})"


def codes() -> None:
    """QR codes."""
    got = qr.measure()
    row("QR code: bare segno.make", f"{got.bare_segno_s * 1000:.1f} ms")
    row("QR code: encode (smallest version)", f"{got.encode_s * 1000:.1f} ms")
    row("QR code: draw", f"{got.draw_s * 1000:.2f} ms")


def sign_ins() -> None:
    """Throughput of sign-ins."""
    got = asyncio.run(sign_in.measure())
    row("bare Argon2id", f"{got.bare_per_s:.2f} /s")
    row("sign-in, whole flow on SQLite", f"{got.sign_in_per_s:.2f} /s")
    row("  share of bare Argon2id", f"{got.share:.1%}", "95 % or more")


def letters() -> None:
    """Letters through a mail server."""
    for name, postgres in (("SQLite", False), ("PostgreSQL", True)):
        if postgres and not outbox.SERVER:
            row("letters delivered, PostgreSQL", "no PostgreSQL server: skipped")
            continue
        got = asyncio.run(outbox.measure(postgres=postgres))
        row(f"letters delivered, {name}", f"{got.per_s:.0f} /s")
        row("  bare aiosmtplib, one connection", f"{got.bare_per_s:.0f} /s")
        row("  share of the time that is the server's", f"{got.share:.0%}")
        row(
            "  from the request to the server's 250",
            f"{got.median_s * 1000:.1f} ms (99th {got.p99_s * 1000:.1f})",
            "1 s at most",
        )


main()
