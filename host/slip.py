"""SLIP framing (RFC 1055) of the link to the guest; the frames' meaning is in protocols/host_link.h."""
from __future__ import annotations

import collections
import itertools
import socket

END = b"\xc0"
FRAME_BYTES_MAX = 1024  # channel byte and data, before escaping: host_link::kFrameBytesMax

CONTROL, TERMINAL, INPUT, OUTPUT, ERROR, TRACE = range(6)
_AGAIN = bytes((CONTROL,)) + b"again "


def frames(channel: int, data: bytes) -> list[bytes]:
    """Frames for `data` on `channel`, as many as it takes."""
    made = []
    for start in range(0, len(data), FRAME_BYTES_MAX - 1):
        frame = bytes((channel,)) + data[start:start + FRAME_BYTES_MAX - 1]
        made.append(END + frame.replace(b"\xdb", b"\xdb\xdd").replace(END, b"\xdb\xdc") + END)
    return made


def encode(channel: int, data: bytes) -> bytes:
    return b"".join(frames(channel, data))


class Sender:
    """Frames on their way to the guest, and those it may ask for again.

    Bound: what waits to be sent is the caller's to bound, by pending(); of all frames about _KEPT_BYTES are kept.
    """

    _KEPT_BYTES = 256 << 10  # more than waits to be sent and lies in sockets

    def __init__(self) -> None:
        self._pending = bytearray()
        self._kept: collections.deque[bytes] = collections.deque()
        self._kept_bytes = 0
        self._dropped = 0  # frames before those kept

    def add(self, channel: int, data: bytes) -> None:
        for frame in frames(channel, data):
            self._pending += frame
            self._kept.append(frame)
            self._kept_bytes += len(frame)
        while self._kept_bytes > self._KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft())
            self._dropped += 1

    def pending(self) -> int:
        return len(self._pending)

    def send(self, link: socket.socket) -> None:
        """Sends what the link takes now."""
        del self._pending[:link.send(self._pending)]

    def clear(self) -> None:
        self._pending.clear()

    def repeat(self, number: int) -> None:
        """The guest has the first `number` frames and lost others."""
        number = max(number, self._dropped)
        # The escape spoils the frame that was being sent.
        self._pending[:] = b"\xdb" + encode(CONTROL, b"again %d" % number)
        for frame in itertools.islice(self._kept, number - self._dropped, None):
            self._pending += frame


class Decoder:
    """Cuts received bytes into frames. One that is too long or has a bad escape was damaged and is dropped.

    After the control line "again N" the frames behind the first N come again, and those that came already are dropped.
    Bound: keeps at most one escaped frame between calls.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._count = 0  # frames received, each once
        self._repeated = 0  # of those that come next

    def feed(self, received: bytes) -> list[tuple[int, bytes]]:
        """The (channel, data) pairs that are now complete."""
        pieces = (self._rest + received).split(END)
        self._rest = pieces.pop()
        if len(self._rest) > 2 * FRAME_BYTES_MAX:
            self._rest = b""
        complete = []
        for piece in pieces:
            if b"\xdb" in piece:
                if piece.count(b"\xdb") != piece.count(b"\xdb\xdc") + piece.count(b"\xdb\xdd"):
                    continue
                piece = piece.replace(b"\xdb\xdc", END).replace(b"\xdb\xdd", b"\xdb")
            if 0 < len(piece) <= FRAME_BYTES_MAX and self._is_new(piece):
                complete.append((piece[0], piece[1:]))
        return complete

    def _is_new(self, frame: bytes) -> bool:
        number = frame.removeprefix(_AGAIN)
        if number != frame and number.isdigit():
            self._repeated = max(0, self._count - int(number))
            self._count = max(self._count, int(number))
            return False
        if self._repeated:
            self._repeated -= 1
            return False
        self._count += 1
        return True
