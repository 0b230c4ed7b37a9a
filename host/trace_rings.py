"""Reads the kernel's trace rings out of the guest's memory (kernel/debug/trace_entry.h), with no help of the guest."""
from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from failure import Failure

_MAGIC = b"OPTRACE1"
_HEADER = struct.Struct("<8sQQIIQQ")
_RINGS_OFFSET, _RING_STEP = 64, 64
_ENTRY = struct.Struct("<QIHHQQ")
_SECTION = ".trace"


class Event:
    """One entry of a ring; `cpu` is None in the ring with names. Times are nanoseconds since boot."""

    __slots__ = ("ns", "cpu", "thread", "kind", "detail", "value", "other")

    def __init__(self, ns: int, cpu: int | None, thread: int, kind: int, detail: int, value: int, other: int) -> None:
        self.ns, self.cpu, self.thread, self.kind = ns, cpu, thread, kind
        self.detail, self.value, self.other = detail, value, other


class Rings:
    """What was recorded: events in the order of their times, and how many older ones are lost."""

    def __init__(self, events: list[Event], lost: int, cpus: int) -> None:
        self.events, self.lost, self.cpus = events, lost, cpus


def read(memory: int, kernel: str) -> Rings:
    """Reads the rings from `memory`, a descriptor of the guest's RAM as a file, whose kernel image is `kernel`."""
    header_at = physical_address(kernel, _SECTION)
    magic, base, ring_entries, cpus, entry_bytes, hz, zero = _HEADER.unpack(os.pread(memory, _HEADER.size, header_at))
    if magic != _MAGIC:
        raise Failure("the guest has recorded nothing: it did not come so far, or had no room for its rings (see the kernel log)")
    if entry_bytes != _ENTRY.size or ring_entries == 0 or hz == 0:
        raise Failure("the guest's trace rings are of another version than this command; build again")
    ring_bytes = ring_entries * entry_bytes
    rings, lost, start = [], 0, 0
    for index in range(cpus + 1):
        written, = struct.unpack("<Q", os.pread(memory, 8, header_at + _RINGS_OFFSET + index * _RING_STEP))
        entries = list(_in_order(_pread(memory, ring_bytes, base + index * ring_bytes), written, ring_entries))
        rings.append(entries)
        if index < cpus:
            lost += written - len(entries)
            if written > len(entries) and entries:
                start = max(start, entries[0][0])  # before that, one CPU's events are missing: half a picture would mislead
    events = []
    for index, entries in enumerate(rings):
        cpu = index if index < cpus else None
        kept = entries if cpu is None else [entry for entry in entries if entry[0] >= start]
        lost += len(entries) - len(kept)
        events += [Event(max(0, entry[0] - zero) * 1_000_000_000 // hz, cpu, *entry[1:]) for entry in kept]
    events.sort(key=lambda event: event.ns)
    return Rings(events, lost, cpus)


def _in_order(ring: bytes, written: int, capacity: int) -> Iterator[tuple]:
    """The entries from the oldest on. Of a ring that is full the oldest may just have been written over, so it is left out."""
    if written < capacity:
        yield from _ENTRY.iter_unpack(ring[:written * _ENTRY.size])
        return
    oldest = written % capacity
    yield from _ENTRY.iter_unpack(ring[(oldest + 1) * _ENTRY.size:])
    yield from _ENTRY.iter_unpack(ring[:oldest * _ENTRY.size])


def _pread(descriptor: int, length: int, offset: int) -> bytes:
    parts = []
    while length:
        part = os.pread(descriptor, length, offset)
        if not part:
            raise Failure("the guest's memory ends within its trace rings")
        parts.append(part)
        length, offset = length - len(part), offset + len(part)
    return b"".join(parts)


def physical_address(image: str, section: str) -> int:
    """Where the loader of an ELF image puts one of its sections."""
    with open(image, "rb") as file:
        data = file.read()
    try:
        found = _find_section(data, section)
    except (struct.error, ValueError):
        found = None
    if found is None:
        raise Failure(f"{image} is no kernel with a section {section}; build again")
    return found


def _find_section(data: bytes, section: str) -> int | None:
    program_at, section_at = struct.unpack_from("<QQ", data, 0x20)
    program_size, program_count, section_size, section_count, names_index = struct.unpack_from("<HHHHH", data, 0x36)
    names_at, = struct.unpack_from("<Q", data, section_at + names_index * section_size + 0x18)
    for index in range(section_count):
        name, _, _, address = struct.unpack_from("<IIQQ", data, section_at + index * section_size)
        end = data.index(b"\0", names_at + name)
        if data[names_at + name:end].decode() != section:
            continue
        for number in range(program_count):
            kind, _, _, virtual, physical, _, length = struct.unpack_from("<IIQQQQQ", data, program_at + number * program_size)
            if kind == 1 and virtual <= address < virtual + length:
                return physical + address - virtual
    return None
