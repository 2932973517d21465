"""The worker that empties the outbox: claims a letter, sends it, writes down what became of it.

Letters are delivered at least once. Several workers on one database share them; a worker that is
killed at any moment leaves nothing that another one does not finish (O2 to O5). Each channel has a
lane of its own, so that an SMS never waits for a mail server that hangs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from tui_admin.database import StorageError
from tui_admin.delivery.claims import Claimed, Claims, Tried
from tui_admin.delivery.letters import rendering
from tui_admin.delivery.pacing import REST_S, SEND_S, random_jitter
from tui_admin.delivery.senders import (
    DeliveryError,
    Made,
    PermanentFailure,
    Sender,
    SetUpWrongly,
    TemporaryFailure,
)
from tui_admin.errors import ConsoleError
from tui_admin.flows.context import Bell, Context

CHANNELS = ("email", "sms")
POLL_S = 5.0
"""How often a lane looks for letters of other processes, and for those whose pause is over."""
CLOSE_S = 3.0
"""How long whoever leaves waits for letters that are due: this worker may be the only one."""
LONGEST_WAIT_S = 60.0
MARK_TRIES = 6
PRUNE_EVERY = timedelta(hours=6)

_log = logging.getLogger(__name__)


class Worker:
    """Delivers what is due, until it is closed. Nothing that goes wrong in it gets out."""

    def __init__(
        self,
        ctx: Context,
        senders: Mapping[str, Sender],
        *,
        jitter: Callable[[], float] = random_jitter,
    ) -> None:
        """Letters of a channel that has no sender wait untouched."""
        self._ctx = ctx
        self._senders = senders
        self._claims = Claims(ctx, jitter)
        self._bells = {channel: Bell() for channel in CHANNELS}
        self._is_closing = False
        self._pruned_at: datetime | None = None
        self._rests_since: dict[str, datetime] = {}
        """When a way out was last seen to be set up wrongly, by channel."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work in the background."""
        self._task = asyncio.create_task(self.run(), name="outbox")

    async def run(self) -> None:
        """Work until `close`."""
        async with asyncio.TaskGroup() as lanes:
            ringing = lanes.create_task(self._ring())
            done = [lanes.create_task(self._keep_on(channel)) for channel in CHANNELS]
            await asyncio.wait(done)
            ringing.cancel()

    async def close(self) -> None:
        """Deliver what is due right now, within a few seconds, and end."""
        self._is_closing = True
        for bell in self._bells.values():
            bell.ring()
        if self._task is not None:
            _done, late = await asyncio.wait([self._task], timeout=CLOSE_S)
            if late:
                self._task.cancel()
                await asyncio.wait([self._task])
                with suppress(ConsoleError):
                    await self._claims.give_back()
            elif not self._task.cancelled() and (fault := self._task.exception()):
                _log.error("outbox: the worker ended by a fault: %s", type(fault).__name__)
        for sender in self._senders.values():
            await sender.close()

    async def deliver_due(self) -> int:
        """Deliver what is due now; return how many letters were sent.

        Raises:
            StorageError: the database is not available.
        """
        return sum(await asyncio.gather(*(self._pass(channel) for channel in CHANNELS)))

    async def _ring(self) -> None:
        while True:
            await self._ctx.bell.wait(3600)
            for bell in self._bells.values():
                bell.ring()

    async def _keep_on(self, channel: str) -> None:
        wait_s = POLL_S
        is_last = False
        while not is_last:
            # Read before the pass: what is written until then is delivered by it.
            is_last = self._is_closing
            try:
                await self._pass(channel)
                wait_s = POLL_S
            except StorageError as error:
                _log.warning("outbox: the database is not available (%s)", error.code)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            except Exception:  # noqa: BLE001 (the worker outlives whatever is wrong with one pass)
                _log.exception("outbox: a pass ended by a fault")
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            if not is_last:
                await self._bells[channel].wait(wait_s)

    async def _pass(self, channel: str) -> int:
        """Deliver what is due on one channel; return how many letters were sent."""
        await self._prune()
        is_due, is_old = await self._claims.look(channel)
        if is_old:
            await self._claims.drop_expired(channel)
        if not is_due or channel not in self._senders or self._rests(channel):
            return 0
        sent = 0
        claimed = await self._claims.turn(channel, None)
        while claimed is not None:
            tried = await self._try(claimed)
            sent += tried.outcome == "sent"
            if not tried.is_counted:
                self._rests_since[channel] = self._ctx.clock.now()
            claimed = await self._mark(channel, tried)
        return sent

    def _rests(self, channel: str) -> bool:
        since = self._rests_since.get(channel)
        return since is not None and abs(self._ctx.clock.now() - since) < timedelta(seconds=REST_S)

    async def _try(self, claimed: Claimed) -> Tried:
        """Make and send one letter; whatever happens, say what it means."""
        letter = claimed.letter
        secrets: dict[str, str] = {}
        try:
            secrets = self._claims.open(letter)
            made = rendering.make(letter, claimed.account, secrets, self._ctx.settings)
        except Exception as error:  # noqa: BLE001 (one letter must not stop the others)
            kind = type(error).__name__
            _log.error("outbox: letter %s cannot be made: %s", letter.id, kind)
            return Tried(letter, "failed", f"it cannot be made: {kind}", "unreadable")
        if letter.expires_at is not None and letter.expires_at <= self._ctx.clock.now():
            return Tried(letter, "expired")
        try:
            await self._send(letter.channel, made)
        except DeliveryError as error:
            reason = _without(secrets, error.reason)
            _log.warning("outbox: letter %s was not sent: %s", letter.id, reason)
            if isinstance(error, PermanentFailure):
                return Tried(letter, "failed", reason, "refused")
            return Tried(
                letter,
                "",
                reason,
                is_counted=not isinstance(error, SetUpWrongly),
                is_service=isinstance(error, TemporaryFailure) and error.is_service,
            )
        return Tried(letter, "sent")

    async def _send(self, channel: str, made: Made) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self._senders[channel].send(made)
        except DeliveryError:
            raise
        except TimeoutError:
            raise TemporaryFailure("there was no answer in time", is_service=True) from None
        except Exception as error:  # noqa: BLE001 (a fault is no proof that it did not arrive)
            _log.exception("outbox: a sender ended by a fault")
            raise TemporaryFailure(f"a fault: {type(error).__name__}") from None

    async def _mark(self, channel: str, tried: Tried) -> Claimed | None:
        """Write down what became of a letter, though the database may be away for a while, and
        take the next one. Not written down, it is sent once more after its lease."""
        for attempt in range(MARK_TRIES):
            try:
                return await self._claims.turn(channel, tried, go_on=not tried.is_service)
            except StorageError:
                if attempt == MARK_TRIES - 1:
                    raise
                await asyncio.sleep(2**attempt / 4)
        raise AssertionError

    async def _prune(self) -> None:
        now = self._ctx.clock.now()
        if self._pruned_at is None or abs(now - self._pruned_at) >= PRUNE_EVERY:
            self._pruned_at = now
            await self._claims.prune()


def _without(secrets: Mapping[str, str], reason: str) -> str:
    """Return a reason without the codes that a server may have quoted from the letter."""
    for secret in secrets.values():
        reason = reason.replace(secret, "•••")
    return reason
