"""SLIP framing (RFC 1055) of the link to the guest; the frames' meaning is in protocols/host_link.h."""
from __future__ import annotations

END = b"\xc0"
FRAME_BYTES_MAX = 1024  # channel byte and data, before escaping: host_link::kFrameBytesMax

CONTROL, TERMINAL, INPUT, OUTPUT, ERROR = range(5)


def encode(channel: int, data: bytes) -> bytes:
    """Frames for `data` on `channel`, as many as it takes."""
    frames = []
    for start in range(0, len(data), FRAME_BYTES_MAX - 1):
        frame = bytes((channel,)) + data[start:start + FRAME_BYTES_MAX - 1]
        frames.append(END + frame.replace(b"\xdb", b"\xdb\xdd").replace(END, b"\xdb\xdc") + END)
    return b"".join(frames)


class Decoder:
    """Cuts received bytes into frames. A frame that is too long was damaged and is dropped.

    Bound: keeps at most one escaped frame between calls.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> list[tuple[int, bytes]]:
        """The (channel, data) pairs that are now complete."""
        pieces = (self._rest + received).split(END)
        self._rest = pieces.pop()
        if len(self._rest) > 2 * FRAME_BYTES_MAX:
            self._rest = b""
        frames = []
        for piece in pieces:
            frame = piece.replace(b"\xdb\xdc", END).replace(b"\xdb\xdd", b"\xdb")
            if 0 < len(frame) <= FRAME_BYTES_MAX:
                frames.append((frame[0], frame[1:]))
        return frames
