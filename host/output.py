"""One of our output descriptors, written without ever blocking the loop."""
from __future__ import annotations

import os

WRITE_BYTES_MAX = 4096  # a pipe that polls writable takes this much without blocking (PIPE_BUF)
PENDING_BYTES_MAX = 64 << 10  # past this the link is not read, so the guest's writers wait


class Output:
    """Bytes on their way to a descriptor. The descriptor stays in blocking mode, for it is shared with others.

    Bound: full() tells the loop to stop reading from the guest.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False  # nobody reads it any more
        self._pending = bytearray()

    def add(self, data: bytes) -> None:
        if not self.closed:
            self._pending += data

    def pending(self) -> bool:
        return bool(self._pending)

    def full(self) -> bool:
        return len(self._pending) >= PENDING_BYTES_MAX

    def write_some(self) -> None:
        """After the descriptor polled writable (or broken)."""
        try:
            del self._pending[:os.write(self.descriptor, self._pending[:WRITE_BYTES_MAX])]
        except BlockingIOError:
            pass  # someone else made the descriptor non-blocking
        except OSError:
            self.closed = True
            self._pending.clear()
