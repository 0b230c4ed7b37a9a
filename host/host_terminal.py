"""Our own terminal while the guest uses it: raw, and put back whatever happens."""
from __future__ import annotations

import termios

ESCAPE_BYTE = b"\x1d"  # Ctrl-]
ESCAPE_PRESSES = 3
ESCAPE_HINT = "press Ctrl-] three times to leave at once"


class RawTerminal:
    """Sets descriptor 0 raw between enter and exit: every key goes to the guest, whose own line discipline does the rest."""

    def __enter__(self) -> RawTerminal:
        self._saved = termios.tcgetattr(0)
        raw = termios.tcgetattr(0)
        raw[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON | termios.INLCR | termios.IGNCR)
        raw[1] &= ~termios.OPOST
        raw[2] = raw[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSADRAIN, raw)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
        except termios.error:
            pass  # the terminal is gone; nothing is left to put back


class EscapeWatch:
    """Counts presses of the escape key in a row."""

    def __init__(self) -> None:
        self._pressed = 0

    def seen_in(self, typed: bytes) -> bool:
        for start in range(len(typed)):
            self._pressed = self._pressed + 1 if typed[start:start + 1] == ESCAPE_BYTE else 0
            if self._pressed == ESCAPE_PRESSES:
                return True
        return False
