"""O4 to O6: `kill -9` at every moment of a letter's life, and nothing is lost.

The flow and the worker run in processes of their own that end by SIGKILL at the named moment. Then
a fresh worker finishes, with the clock turned past the lease, and the invariants must hold. Two
deliberate bugs go through the same test, which has to catch them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.console import Console
from tests.support.mailbox import FaultyServer, Mailbox
from tests.support.outbox import assert_nothing_is_lost, letters, with_ways
from tui_admin.config import Settings
from tui_admin.delivery.pacing import LEASE
from tui_admin.flows import accounts
from tui_admin.flows.context import Context
from tui_admin.wiring import make_worker

NAMES = ("alice", "bob")
ROOT = Path(__file__).parents[2]


class Victim:
    """A process that will be killed, and what it had acknowledged by then."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def end(self) -> list[str]:
        """Wait for its end by SIGKILL; return what it printed."""
        async with asyncio.timeout(60):
            out, err = await self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL, err.decode()
        return out.decode().split()


@asynccontextmanager
async def victim(
    console: Console, settings: Settings, role: str, moment: str, *names: str
) -> AsyncIterator[Victim]:
    """Start a process; whatever the test does, it does not outlive it."""
    # What is hidden in a repr is whole in JSON.
    arguments = [role, moment, settings.model_dump_json(), console.clock.now().isoformat(), *names]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.delivery.victim",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Victim(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Story:
    """Two accounts whose phones are verified, one after the other, and what is known of it."""

    def __init__(self, console: Console, mailbox: Mailbox) -> None:
        self.console, self.mailbox = console, mailbox
        self.acknowledged: list[str] = []

    @property
    def ctx(self) -> Context:
        # SMS go as e-mail: Apprise takes longer to load than all the rest of a process that dies.
        url = f"smtp://127.0.0.1:{self.mailbox.port}"
        return with_ways(self.console, smtp_url=url, sms_url="email://{phone}@sms.example.net")

    @property
    def delivered(self) -> list[str]:
        return self.mailbox.letter_ids

    async def write(self, moment: str) -> None:
        """Make both changes in a process that dies at `moment`."""
        settings = self.ctx.settings
        async with victim(self.console, settings, "flow", moment, *NAMES) as flow:
            self.acknowledged += await flow.end()

    async def change(self) -> None:
        """Make both changes here; nothing dies."""
        for name in NAMES:
            await accounts.verify_contacts(self.console.ctx, name, email=False, phone=True)
            self.acknowledged.append(name)

    async def work(self, moment: str, settings: Settings | None = None) -> None:
        """Deliver in a process that dies at `moment`."""
        settings = settings or self.ctx.settings
        async with victim(self.console, settings, "worker", moment) as worker:
            await worker.end()

    async def finish(self) -> None:
        """Let a fresh worker do what is left, and look whether everything holds (O5)."""
        self.console.clock.turn(LEASE.total_seconds())
        worker = make_worker(self.ctx)
        await worker.deliver_due()
        await worker.close()
        await assert_nothing_is_lost(
            self.console, acknowledged=self.acknowledged, delivered=self.delivered
        )


@pytest.fixture
async def story(console: Console) -> AsyncIterator[Story]:
    for name in NAMES:
        await console.customer(name, verified=False)
    async with Mailbox() as mailbox:
        yield Story(console, mailbox)


async def test_the_flow_is_killed_before_its_commit(story: Story) -> None:
    """O1, O4: neither the second change nor its letters are there; the first one's are."""
    await story.write("before_commit")
    assert story.acknowledged == ["alice"]
    assert len(await letters(story.console)) == 2
    await story.finish()


async def test_the_flow_is_killed_after_its_commit(story: Story) -> None:
    """O1, O4: the change that nobody was told of is there, and so are its letters."""
    await story.write("after_commit")
    assert story.acknowledged == ["alice"]
    assert len(await letters(story.console)) == 4
    await story.finish()
    assert len(story.delivered) == 4, "and nothing went out twice"


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
async def test_the_worker_is_killed_around_its_claim(story: Story, moment: str) -> None:
    """O2, O4: claimed or not, a letter that was not sent is sent by the next worker."""
    await story.change()
    await story.work(moment)
    await story.finish()
    assert len(story.delivered) == 4


@pytest.mark.parametrize("moment", ["DATA", "in_body", "body"])
async def test_the_worker_is_killed_in_data(story: Story, moment: str) -> None:
    """O4: before the message, with it on its way, or with it there and no answer yet: the next
    worker sends it."""
    await story.change()
    async with FaultyServer() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        settings = story.ctx.settings.model_copy(update={"smtp_url": url})
        async with victim(story.console, settings, "worker", "never") as worker:

            async def kill() -> None:
                if worker.process.returncode is None:
                    worker.process.kill()
                await worker.process.wait()

            server.steps[moment] = kill
            await worker.end()
        if moment != "in_body":  # how much of it was under way by then is not known
            assert bool(server.bodies) == (moment == "body")
        claimed = [letter for letter in await letters(story.console) if letter.lease_owner]
        assert claimed, "it died with a letter in its hands"
    await story.finish()


async def test_the_worker_is_killed_after_250_before_the_mark(story: Story) -> None:
    """O3, O4: the letter arrives twice, under one Message-ID; none is lost."""
    await story.change()
    await story.work("after_250")
    first = list(story.delivered)
    assert first
    await story.finish()
    assert set(first) <= set(story.delivered)
    assert len(story.delivered) > len(set(story.delivered)) == 4


async def test_killed_again_and_again(story: Story) -> None:
    """O4, O5: flow and worker die at one moment after the other; in the end all is there."""
    await story.write("after_commit")
    for moment in ("after_250", "after_commit"):
        await story.work(moment)
        story.console.clock.turn(LEASE.total_seconds())
    await story.finish()


async def test_nobody_finishes_before_the_lease_is_over(story: Story) -> None:
    """O2: what a dead worker held stays held until its lease is over, and then is free."""
    await story.change()
    await story.work("after_commit")
    worker = make_worker(story.ctx)
    await worker.deliver_due()
    held = [letter for letter in await letters(story.console) if not letter.outcome]
    assert 1 <= len(held) <= 2, "one a lane"
    await worker.close()
    await story.finish()


async def test_letters_in_a_transaction_of_their_own_are_caught(story: Story) -> None:
    """O6, control: a flow that commits its change first loses the letters, and the invariants
    say so."""
    await story.write("dual_write")
    with pytest.raises(AssertionError, match="a change without its letters"):
        await story.finish()


async def test_marking_before_sending_is_caught(story: Story) -> None:
    """O6, control: a worker that marks first loses a letter, and the invariants say so."""
    await story.change()
    await story.work("mark_first")
    with pytest.raises(AssertionError, match="a letter that was never delivered"):
        await story.finish()


async def test_lies_about_what_was_acknowledged_are_caught(story: Story) -> None:
    """O6, control: an acknowledged change that is not there is seen, and so is a letter that
    nobody wrote."""
    await story.write("before_commit")
    with pytest.raises(AssertionError, match="acknowledged, and lost"):
        await assert_nothing_is_lost(story.console, acknowledged=NAMES, delivered=[])
    await story.finish()
    with pytest.raises(AssertionError, match="something unknown"):
        await assert_nothing_is_lost(
            story.console, acknowledged=["alice"], delivered=[*story.delivered, "f" * 32]
        )
