"""Writer of cpio archives in the "newc" format (cpio(5)); libs/cpio.h reads them in the guest.

Files of a page and more start on page boundaries, so that the guest can map them where they lie: the name is padded with
zeros. Archives end on a page boundary too and can be joined by writing one behind the other.
"""
from __future__ import annotations

import os
import stat

from failure import Failure

PAGE_BYTES = 4096
FILE_BYTES_MAX = 0xFFFF_FFFF
_HEADER_BYTES = 110
_COPY_BYTES = 1 << 20


class Writer:
    """Writes one archive into a binary file object that starts on a page boundary."""

    def __init__(self, file) -> None:
        self._file = file
        self._position = 0
        self._inode = 0

    def add(self, name: str, mode: int, data: bytes = b"", *, uid: int = 0, gid: int = 0, mtime: int = 0, links: int = 1,
            inode: int = 0, device: int = 0) -> None:
        """One entry with its data in memory. `inode` 0 picks a new one."""
        self._header(name, mode, len(data), uid, gid, mtime, links, inode, device)
        self._put(data)
        self._pad(4)

    def add_file(self, name: str, path: str, size: int, **attributes: int) -> None:
        """One regular file, copied from the host. A file that changes meanwhile fails rather than damage the archive."""
        mode = attributes.pop("mode")
        self._header(name, mode, size, attributes.get("uid", 0), attributes.get("gid", 0), attributes.get("mtime", 0),
                     attributes.get("links", 1), attributes.get("inode", 0), 0)
        left = size
        with open(path, "rb", buffering=0) as source:
            while left and (piece := source.read(min(left, _COPY_BYTES))):
                self._put(piece)
                left -= len(piece)
        if left:
            raise Failure(f"{path} became shorter while it was packed; try again")
        self._pad(4)

    def finish(self) -> None:
        self._header("TRAILER!!!", 0, 0, 0, 0, 0, 1, 0, 0)
        self._pad(PAGE_BYTES)

    def new_inode(self) -> int:
        self._inode += 1
        return self._inode

    def _header(self, name: str, mode: int, size: int, uid: int, gid: int, mtime: int, links: int, inode: int, device: int) -> None:
        if size > FILE_BYTES_MAX:
            raise Failure(f"{name} is larger than 4 GiB, which a cpio archive can not hold")
        encoded = os.fsencode(name) + b"\0"
        name_bytes = len(encoded)
        name_end = self._position + _HEADER_BYTES + name_bytes
        if stat.S_ISREG(mode) and size >= PAGE_BYTES:
            name_bytes += -name_end % PAGE_BYTES
        # Times before 1970 and after 2106 do not fit; they become the nearest that does.
        fields = (inode or self.new_inode(), mode, uid, gid, links, min(max(mtime, 0), FILE_BYTES_MAX), size, 0, 0,
                  os.major(device), os.minor(device), name_bytes, 0)
        self._put(b"070701" + b"".join(b"%08x" % field for field in fields) + encoded.ljust(name_bytes, b"\0"))
        self._pad(4)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _pad(self, boundary: int) -> None:
        self._put(bytes(-self._position % boundary))
