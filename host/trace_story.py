"""From the kernel's events to tracks and arrows: who ran where, who waited for whom."""
from __future__ import annotations

from trace_names import Names
from trace_rings import Event, Rings
from trace_threads import InterruptTrack, ThreadTrack
from trace_tracks import Place, Trace, Track

_CPUS_PID, _UNKNOWN_PID = 1_000_000, 1_000_001  # no process of the guest has such a number
_INTERRUPTS = 1000
_LAST_NS = 2  # what the last event begins has some length
_KIND_SHIFT = 56


class Story:
    """Goes through the events once, in the order of their times. Keeps what is under way: who runs on which CPU, and which
    messages were posted and not taken yet."""

    def __init__(self, rings: Rings, names: Names) -> None:
        self._names, self.trace = names, Trace()
        self._threads: dict[int, ThreadTrack] = {}
        self._processes: dict[int, str] = {}
        self._cpus = [Track(self.trace, _CPUS_PID, _CPUS_PID + cpu) for cpu in range(rings.cpus)]
        self._interrupts = [InterruptTrack(self.trace, _CPUS_PID, _CPUS_PID + _INTERRUPTS + cpu) for cpu in range(rings.cpus)]
        self._running: list[ThreadTrack | None] = [None] * rings.cpus
        self._posted: dict[tuple[str, int], tuple[Place, str]] = {}
        self._methods: dict[int, str] = {}  # what calls under way are called, by id
        self.events = len(rings.events)
        self._tell(rings.events)

    def _tell(self, events: list[Event]) -> None:
        handlers = {}
        for event in events:
            handler = handlers.get(event.kind)
            if handler is None:
                name = self._names.of("event", event.kind).replace("-", "_")
                handler = handlers[event.kind] = getattr(self, f"_on_{name}", self._on_unknown)
            if event.cpu is not None and event.kind not in self._continuing():
                self._interrupts[event.cpu].finish(event.ns)
            handler(event)
        self._finish(events[-1].ns + _LAST_NS if events else 0)

    def _continuing(self) -> frozenset[int]:
        """Kinds of events that an interrupt causes before its CPU does something else."""
        if not hasattr(self, "_caused"):
            wanted = ("send", "notify", "take", "wake", "reply", "thread-end", "process-end")
            self._caused = frozenset(number for number in range(64) if self._names.of("event", number) in wanted)
        return self._caused

    def _finish(self, ns: int) -> None:
        for track in (*self._cpus, *self._interrupts, *self._threads.values()):
            track.pop_to(0, ns)
        self.trace.name_process(_CPUS_PID, "CPUs", -1)
        for cpu, (track, interrupts) in enumerate(zip(self._cpus, self._interrupts, strict=True)):
            self.trace.name_thread(track, f"CPU {cpu}")
            self.trace.name_thread(interrupts, f"CPU {cpu} interrupts")
        for pid in sorted({thread.pid for thread in self._threads.values()}):
            self.trace.name_process(pid, self._process_name(pid), pid)
        for thread in self._threads.values():
            self.trace.name_thread(thread, thread.name or self._process_name(thread.pid))

    # ---- who is who

    def _thread(self, event: Event) -> ThreadTrack:
        return self._thread_of(event.thread)

    def _thread_of(self, number: int) -> ThreadTrack:
        thread = self._threads.get(number)
        if thread is None:
            thread = self._threads[number] = ThreadTrack(self.trace, number)
            thread.move_to(_UNKNOWN_PID)
        return thread

    def _process_name(self, pid: int) -> str:
        return self._processes.get(pid) or ("unknown" if pid == _UNKNOWN_PID else f"process {pid}")

    def _on_thread(self, event: Event) -> None:
        self._thread(event).move_to(event.value)

    def _on_thread_name(self, event: Event) -> None:
        self._thread(event).name = _text(event)

    def _on_process_name(self, event: Event) -> None:
        self._processes[event.thread] = _text(event)

    def _on_thread_end(self, event: Event) -> None:
        self._thread(event).end(event.ns)

    # ---- CPUs

    def _on_switch(self, event: Event) -> None:
        before = self._running[event.cpu]
        self._cpus[event.cpu].pop_to(0, event.ns)
        now = self._thread(event) if event.thread else None
        if before is not None and before is not now:
            before.lose_cpu(event.ns)
        self._running[event.cpu] = now
        if now is None:
            return
        now.move_to(event.value)
        self._cpus[event.cpu].push(self._display_name(now), event.ns, {"thread": now.tid, "process": now.pid})
        now.run(event.ns, event.cpu)

    def _display_name(self, thread: ThreadTrack) -> str:
        process = self._process_name(thread.pid)
        return f"{process}/{thread.name}" if thread.name and thread.name != process else process

    def _on_interrupt(self, event: Event) -> None:
        self._interrupts[event.cpu].begin(f"interrupt {event.detail}", event.ns, None)

    def _on_timer(self, event: Event) -> None:
        self._interrupts[event.cpu].begin("timer", event.ns, None)

    def _on_kick(self, event: Event) -> None:
        self._interrupts[event.cpu].begin("kick", event.ns, None)

    def _on_process_end(self, event: Event) -> None:
        self._cpus[event.cpu].mark(f"end of {self._process_name(event.value)}", event.ns, {"process": event.value, "code": event.other})

    def _on_unknown(self, event: Event) -> None:
        pass

    # ---- threads

    def _on_enter(self, event: Event) -> None:
        self._thread(event).enter(event.ns, self._names.of("call", event.detail), {"first": hex(event.value), "second": hex(event.other)})

    def _on_leave(self, event: Event) -> None:
        self._thread(event).leave(event.ns)

    def _on_wake(self, event: Event) -> None:
        self._thread(event).wake(event.ns)

    def _on_fault(self, event: Event) -> None:
        self._thread(event).mark(self._names.of("fault", event.detail), event.ns, {"address": hex(event.value), "at": hex(event.other)})

    def _on_upcall(self, event: Event) -> None:
        self._thread(event).mark(f"upcall: {self._names.of('fault', event.detail)}", event.ns, {"at": hex(event.other)})

    # ---- messages

    def _on_send(self, event: Event) -> None:
        self._post(event, "message", "send", self._names.of("method", event.detail))

    def _on_call(self, event: Event) -> None:
        verb = "forward" if event.value in self._methods else "call"
        method = self._methods.setdefault(event.value, self._call_name(event))
        self._post(event, "call", verb, method)

    def _on_notify(self, event: Event) -> None:
        self._posted["message", event.value] = self._place(event, "notify", {"port": event.other, "id": hex(event.value)}), "notification"

    def _on_reply(self, event: Event) -> None:
        method = self._methods.pop(event.value, "a call")
        place = self._place(event, f"reply to {method}", {"call": hex(event.value), "status": event.detail})
        if event.other == 0:
            self._posted["reply", event.value] = place, f"{method} reply"
            self._methods[event.value] = f"{method} reply"
            return
        waiting = self._thread_of(event.other)
        arrival = waiting.message(event.ns + 1, f"reply to {method} comes", "call", {"call": hex(event.value)})
        self.trace.arrow(f"{method} reply", place, arrival)

    def _on_take(self, event: Event) -> None:
        kind = self._names.of("message", event.detail)
        key = {"send": "message", "notification": "message", "reply": "reply"}.get(kind, "call")
        start, method = self._posted.pop((key, event.value), (None, self._methods.get(event.value, kind)))
        name = f"take {method}" if kind != "cancelled" else f"take the end of {method}"
        arrival = self._thread(event).message(event.ns, name, "receive", {"port": event.other, "kind": kind, "id": hex(event.value)})
        if start is not None and kind != "cancelled":
            self.trace.arrow(method, start, arrival)

    def _call_name(self, event: Event) -> str:
        kind = self._kind(event)
        if kind == "foreign call":
            return f"Linux {self._names.of('linux', event.detail)}"
        return self._names.of("method", event.detail) if kind == "call" else kind

    def _kind(self, event: Event) -> str:
        return self._names.of("message", event.other >> _KIND_SHIFT)

    def _post(self, event: Event, key: str, verb: str, method: str) -> None:
        port = event.other & (1 << _KIND_SHIFT) - 1
        place = self._place(event, f"{verb} {method}", {"port": port, "id": hex(event.value)}, method)
        self._posted[key, event.value] = place, method

    def _place(self, event: Event, name: str, details: dict, outside: str = "call") -> Place:
        """Where a message is posted: in the thread's call; or, if an interrupt came upon whoever ran, among the CPU's interrupts. The
        kernel makes calls in a thread's name outside of the thread's own: of its faults, and of another system's calls."""
        thread = self._threads.get(event.thread)
        in_its_name = self._names.of("event", event.kind) == "call"
        if thread is not None and (thread.in_call or in_its_name):
            return thread.message(event.ns, name, outside, details)
        return self._interrupts[event.cpu].message(event.ns, name, details)


def _text(event: Event) -> str:
    return (event.value.to_bytes(8, "little") + event.other.to_bytes(8, "little")).split(b"\0")[0].decode("utf-8", "replace")
