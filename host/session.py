"""The host's side of the link while the guest runs: protocols/host_link.h between QEMU's serial line and our own streams."""
from __future__ import annotations

import os
import select
import signal
import socket
import time

import slip
from exit_status import Outcome, cause_in_log, from_wait_status
from host_terminal import EscapeWatch
from output import Output
from run_config import Streams, terminal_size

_READ_BYTES = 64 << 10
_TYPED_BYTES = 1024
_HELD_BYTES_MAX = 64 << 10
_LOG_PERIOD_MS = 100
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Session:
    """One loop over poll(): link, standard streams, signals, deadline. Ends with the Outcome of the run.

    Ownership: borrows the link; the signal handlers are its own between __enter__ and __exit__.
    Bound: the guest's output by Output.full(), our input by the guest's credits, typed bytes by _HELD_BYTES_MAX.
    """

    def __init__(self, link: socket.socket, streams: Streams, log: str, *, timeout: float | None = None, verbose: bool = False,
                 trace: int = 2) -> None:
        self._link, self._streams, self._log = link, streams, log
        self._deadline = time.monotonic() + timeout if timeout else None
        self._timeout = timeout
        self._log_shown = 0 if verbose else None
        self._decoder, self._escape = slip.Decoder(), EscapeWatch()
        self._stdout, self._stderr = Output(1), Output(2)
        self._trace = self._stderr if trace == 2 else Output(trace)
        self._to_guest = slip.Sender()
        # Nothing is sent before the guest's first frame: its driver may still clear the device's FIFO.
        self._guest_listens = False
        self._credit = 0
        self._input_ended = streams.stdin == "none"
        self._outcome: Outcome | None = None
        self._interrupted = False  # by us: what the guest still wrote is not waited for

    def __enter__(self) -> Session:
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._old_wake = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        watched = (*_ENDING_SIGNALS, signal.SIGWINCH)
        # A signal that is ignored (nohup, a background job) stays ignored.
        self._old_handlers = [(number, signal.signal(number, lambda *_: None)) for number in watched
                              if signal.getsignal(number) != signal.SIG_IGN]
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_wake)
        for number, handler in self._old_handlers:
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wake)

    def run(self) -> Outcome:
        """Serves the link until the guest has reported its end, or died, or we are told to stop."""
        while self._outcome is None or self._output_left():
            ready = self._wait()
            self._show_log()
            if ready.get(self._woken):
                self._on_signals()
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return Outcome(125, f"timed out after {self._timeout:g} s")
            for output in self._outputs():
                if ready.get(output.descriptor) and output.pending():
                    output.write_some()
            if self._interrupted:
                break
            if self._outcome is not None:
                continue
            if self._stdout.closed:
                return Outcome(128 + signal.SIGPIPE)  # as a program that writes to a closed pipe
            events = ready.get(self._link.fileno(), 0)
            if events & select.POLLOUT:
                self._send()
            if events & ~select.POLLOUT:
                self._receive()
            if ready.get(0) and self._wants_input():
                self._read_input()
            if self._outcome is not None:
                self._show_log()
        return self._outcome

    def _outputs(self) -> set[Output]:
        return {self._stdout, self._stderr, self._trace}

    def _output_left(self) -> bool:
        return any(output.pending() for output in self._outputs())

    def _wants_input(self) -> bool:
        if self._input_ended or self._outcome is not None:
            return False
        if self._streams.terminal:  # read even from a guest that is mute: the way out must work
            return self._to_guest.pending() < _HELD_BYTES_MAX
        return self._guest_listens and self._credit > 0 and not self._to_guest.pending()

    def _wait(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        for output in self._outputs():
            if output.pending():
                poll.register(output.descriptor, select.POLLOUT)
        if self._outcome is None:
            events = 0 if any(output.full() for output in self._outputs()) else select.POLLIN
            events |= select.POLLOUT if self._to_guest.pending() and self._guest_listens else 0
            if events:
                poll.register(self._link.fileno(), events)
        if self._wants_input():
            poll.register(0, select.POLLIN)
        wait_ms = None if self._log_shown is None else _LOG_PERIOD_MS
        if self._deadline is not None:
            left_ms = max(0, int((self._deadline - time.monotonic()) * 1000) + 1)
            wait_ms = left_ms if wait_ms is None else min(left_ms, wait_ms)
        return dict(poll.poll(wait_ms))

    def _on_signals(self) -> None:
        for number in os.read(self._woken, 64):
            if number == signal.SIGWINCH:
                if self._streams.terminal and self._guest_listens:
                    columns, rows = terminal_size()
                    self._control(f"size {columns} {rows}")
            elif number in _ENDING_SIGNALS:
                self._outcome, self._interrupted = Outcome(128 + number), True

    def _control(self, line: str) -> None:
        self._to_guest.add(slip.CONTROL, line.encode())

    def _send(self) -> None:
        try:
            self._to_guest.send(self._link)
        except BlockingIOError:
            pass
        except OSError:
            self._to_guest.clear()  # QEMU is gone; the next receive says so

    def _receive(self) -> None:
        try:
            received = self._link.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._outcome = Outcome(125, cause_in_log(self._log))
            return
        for channel, data in self._decoder.feed(received):
            if self._outcome is None:
                self._on_frame(channel, data)

    def _on_frame(self, channel: int, data: bytes) -> None:
        if channel == slip.CONTROL:
            self._on_control(data.decode("utf-8", "replace").rstrip("\n"))
        elif channel in (slip.TERMINAL, slip.OUTPUT):
            self._stdout.add(data)
        elif channel == slip.ERROR:
            self._stderr.add(data)
        elif channel == slip.TRACE:
            raw = self._streams.terminal and self._trace is self._stderr
            self._trace.add(data.replace(b"\n", b"\r\n") if raw else data)
        else:
            return  # damaged: the frame is lost, the link goes on
        if not self._guest_listens:
            self._guest_listens = True
            if self._streams.terminal and terminal_size() != (self._streams.columns, self._streams.rows):
                columns, rows = terminal_size()
                self._control(f"size {columns} {rows}")

    def _on_control(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "credit" and rest.isascii() and rest.isdigit():
            self._credit += int(rest)
        elif word == "lost" and rest.isascii() and rest.isdigit():
            self._to_guest.repeat(int(rest))
        elif word == "exit" and rest.isascii() and rest.isdigit():
            self._outcome = Outcome(from_wait_status(int(rest)))
        elif word == "failed":
            self._outcome = Outcome(125, rest or "the system failed without a reason")

    def _read_input(self) -> None:
        try:
            data = os.read(0, _TYPED_BYTES if self._streams.terminal else min(self._credit, _READ_BYTES))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._streams.terminal:
            if not data:
                self._outcome, self._interrupted = Outcome(128 + signal.SIGHUP), True
            elif self._escape.seen_in(data):
                self._outcome, self._interrupted = Outcome(128 + signal.SIGINT), True
            else:
                self._to_guest.add(slip.TERMINAL, data)
        elif data:
            self._credit -= len(data)
            self._to_guest.add(slip.INPUT, data)
        else:
            self._input_ended = True
            self._control("input-end")

    def _show_log(self) -> None:
        if self._log_shown is None:
            return
        with open(self._log, "rb") as log:
            log.seek(self._log_shown)
            new = log.read()
        self._log_shown += len(new)
        self._stderr.add(new.replace(b"\n", b"\r\n") if self._streams.terminal else new)
