"""How much of a paste is let through to the parser, which keeps all of it until its end comes.

A person who pastes the wrong thing shall read that it was too long, not wait for it or be thrown
out; a client whose paste never ends shall fill nobody's memory (T3).
"""

from __future__ import annotations

MOST = 64 * 1024
"""Characters of one paste; the rest is dropped. The longest field takes 2,000."""
_BEGIN, _END = "\x1b[200~", "\x1b[201~"


class Pastes:
    """Watches over the brackets of pastes, wherever what comes is cut into pieces."""

    def __init__(self) -> None:
        self._is_inside = False
        self._is_dropping = False
        self._matched = 0
        """How many characters of the next bracket have come."""
        self.count = 0
        """Characters of the paste that is under way, those of its last bracket included."""

    def admit(self, text: str) -> tuple[str, int]:
        """Return what the parser shall have of a text, and how many characters were pasted."""
        if not self._is_inside and not self._matched and "\x1b" not in text:
            return text, 0
        passed: list[str] = []
        pasted = 0
        for character in text:
            pasted += self._is_inside
            passed.append(self._admit(character))
        return "".join(passed), pasted

    def _admit(self, character: str) -> str:
        bracket = _END if self._is_inside else _BEGIN
        if character == bracket[self._matched]:
            self._matched += 1
        else:
            self._matched = int(character == bracket[0])
        if self._matched == len(bracket):
            # Of a bracket that was dropped so far the parser gets all, of another one the rest.
            passed = bracket if self._is_dropping else character
            self._is_inside = not self._is_inside
            self._is_dropping, self._matched, self.count = False, 0, 0
            return passed
        if not self._is_inside:
            return character
        if self._is_dropping:
            return ""
        self.count += 1
        # Not within what may be the end: the parser would wait for the rest of it.
        if self.count >= MOST and (not self._matched or self.count >= MOST + len(_END)):
            self._is_dropping, self._matched = True, 0
        return character
