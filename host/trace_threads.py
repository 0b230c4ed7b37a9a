"""The track of one thread of the guest: what it does, from one event to the next."""
from __future__ import annotations

from trace_tracks import Place, Trace, Track


class ThreadTrack(Track):
    """On its lowest level there are `running` (the program's own instructions), `ready` (it could run but has no CPU), and system
    calls. In a call: the messages it posts and gets, each up to the next thing that happens, `blocked` and `ready`.

    A thread that leaves its CPU within a call waits for something; one that leaves it otherwise could go on."""

    def __init__(self, trace: Trace, tid: int) -> None:
        super().__init__(trace, 0, tid)
        self.name = ""
        self.cpu: int | None = None
        self._in_call = self._known = self._ended = False

    def run(self, ns: int, cpu: int) -> None:
        self.cpu = cpu
        self._restart(ns, "running")

    def lose_cpu(self, ns: int) -> None:
        self.cpu = None
        if self._ended or not self._known:
            return
        if self._in_call:
            self.pop_to(1, ns)
            self.push("blocked", ns)
        else:
            self._restart(ns, "ready")

    def enter(self, ns: int, name: str, details: dict | None = None) -> None:
        self._restart(ns, name, details)
        self._in_call = True

    def leave(self, ns: int) -> None:
        self._restart(ns, "running")

    def wake(self, ns: int) -> None:
        if self._in_call and self.cpu is None and self.top() != "ready":
            if self.top() == "blocked":
                self.pop_to(self.depth - 1, ns)
            self.push("ready", ns)

    def message(self, ns: int, name: str, outside: str, details: dict | None) -> Place:
        """It posts or gets a message. `outside`: what to call the call whose beginning is not known."""
        if not self._in_call:
            self.enter(ns, outside)
        self.pop_to(1, ns)
        return self.push(name, ns, details)

    @property
    def in_call(self) -> bool:
        return self._in_call

    def end(self, ns: int) -> None:
        self.pop_to(0, ns)
        self._ended = True

    def _restart(self, ns: int, name: str, details: dict | None = None) -> None:
        self.pop_to(0, ns)
        self.push(name, ns, details)
        self._in_call, self._known = False, True


class InterruptTrack(Track):
    """Interrupts of one CPU. The kernel does not record their ends, so a slice lasts as long as what it caused goes on."""

    _NS_MIN = 500

    def __init__(self, trace: Trace, pid: int, tid: int) -> None:
        super().__init__(trace, pid, tid)
        self._until = 0

    def begin(self, name: str, ns: int, details: dict | None) -> None:
        self.finish(ns)
        self.push(name, ns, details)
        self._until = ns + self._NS_MIN

    def message(self, ns: int, name: str, details: dict | None) -> Place:
        if self.depth == 0:
            self.begin("kernel", ns, None)
        self.pop_to(1, ns)
        self._until = max(self._until, ns + self._NS_MIN)
        return self.push(name, ns, details)

    def finish(self, ns: int) -> None:
        if self.depth:
            self.pop_to(0, min(ns, self._until))
