"""portico run against a stand-in for QEMU: streams, exit status, causes of failure, nothing left behind."""
import os
import pty
import select
import signal
import subprocess
import tempfile
import termios
import time
import unittest

import fake_build


def heed_signals():
    """Who starts the tests in the background may have signals ignored, and what is ignored stays so."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class RunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.environment = fake_build.make(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_portico(self, *arguments, **more):
        return fake_build.portico(self.environment, "run", *arguments, **more)

    def start(self, *arguments, **streams):
        return subprocess.Popen([os.path.join(fake_build.REPOSITORY, "portico"), "run", *arguments], env=self.environment,
                                preexec_fn=heed_signals, **streams)

    def assert_ended(self, done, status, cause=""):
        self.assertEqual((done.returncode, done.stderr.decode()), (status, f"portico: {cause}\n" if cause else ""))

    def test_wait_status_becomes_exit_status(self):
        for wait_status, expected in ((0, 0), (7 << 8, 7), (127 << 8, 127), (126 << 8, 126), (9, 137), (11 | 0x80, 139)):
            self.assert_ended(self.run_portico("status", str(wait_status)), expected)

    def test_all_bytes_pass_and_streams_stay_apart(self):
        done = self.run_portico("bytes")
        self.assertEqual(done.stdout, bytes(range(256)) * 40)
        self.assert_stderr(done, b"to stderr\n")

    def assert_stderr(self, done, expected):
        self.assertEqual((done.returncode, done.stderr), (0, expected))

    def test_input_goes_by_credit_until_its_end(self):
        data = os.urandom(50_000)
        done = self.run_portico("echo", stdin=data)
        self.assertEqual(done.stdout, data)
        self.assert_ended(done, 0)

    def test_panic_is_the_cause(self):
        self.assert_ended(self.run_portico("panic"), 125, "kernel panic: page 7 has two owners")

    def test_dead_machine_is_told(self):
        self.assert_ended(self.run_portico("die"), 125, "the virtual machine ended without a report: QEMU ended by signal 9")

    def test_machine_that_leaves_is_told(self):
        self.assert_ended(self.run_portico("leave"), 125, "the virtual machine ended without a report: QEMU ended with status 3")

    def test_complaint_of_the_machine_is_the_cause(self):
        self.assert_ended(self.run_portico("complain"), 125, "qemu-system-x86_64: no such device")

    def test_failed_system_is_told(self):
        self.assert_ended(self.run_portico("failed"), 125, "init could not start the file server")

    def test_timeout(self):
        started = time.monotonic()
        self.assert_ended(self.run_portico("--timeout", "0.5", "hang"), 125, "timed out after 0.5 s")
        self.assertLess(time.monotonic() - started, 5)

    def test_verbose_copies_the_log(self):
        done = self.run_portico("--verbose", "status", "0")
        self.assert_stderr(done, b"fake kernel started\n")

    def test_reader_that_goes_ends_the_run(self):
        process = self.start("flood", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        process.stdout.read(100)
        process.stdout.close()
        self.assertEqual(process.wait(10), 128 + signal.SIGPIPE)

    def test_slow_reader_holds_the_guest_back(self):
        process = self.start("flood", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        time.sleep(0.7)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            resident_kib = int(next(line for line in status if line.startswith("VmRSS")).split()[1])
        process.stdout.close()
        process.wait(10)
        self.assertLess(resident_kib, 60_000)

    def test_signals_end_the_machine(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number):
                log = os.path.join(self.folder.name, "signals.log")
                process = self.start("--log", log, "hang", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                self.assertEqual(process.stdout.readline(), b"hanging\n")
                with open(log, encoding="ascii") as text:
                    machine = int(text.read().split("pid ")[1])
                process.send_signal(number)
                status = process.wait(10)
                process.stdout.close()
                self.assertEqual(status, -9 if number == signal.SIGKILL else 128 + number)
                self.assert_gone(machine)

    def assert_gone(self, process):
        for _ in range(100):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as words:
                    if not words.read():
                        return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        self.fail("the machine outlived the command")

    def test_run_config(self):
        self.environment["FROM_HERE"] = "inherited"
        done = self.run_portico("-e", "A=1=2", "-eFROM_HERE", "-e", "HOME", "-w", "/tmp", "--", "config", "-x", "")
        lines = done.stdout.decode().splitlines()
        for line in ("link=framed", "stdin=stream", "stdout=stream", "stderr=stream", "workdir=/tmp", "env=A=1=2", "env=FROM_HERE=inherited",
                     "arg=config", "arg=-x"):
            self.assertIn(line, lines)
        self.assertFalse([line for line in lines if line.startswith("env=TERM")])

    def test_machine_settings_reach_qemu(self):
        lines = self.run_portico("-m", "1G", "-c", "4", "--machine", "q35", "--gdb", "argv").stdout.decode().splitlines()
        for words in (["-m", "size=1048576K"], ["-smp", "4"], ["-machine", "q35"]):
            self.assertEqual(lines[lines.index(words[0]) + 1], words[1])
        self.assertIn("-s", lines)

    def test_closed_stdin_is_none(self):
        command = f'exec "{fake_build.REPOSITORY}/portico" run config <&-'
        done = subprocess.run(["sh", "-c", command], env=self.environment, capture_output=True, timeout=10, check=False)
        self.assertIn("stdin=none", done.stdout.decode().splitlines())

    def test_terminal_mode(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(os.path.join(fake_build.REPOSITORY, "portico"), ["portico", "run", "terminal"], self.environment)
        seen = self.read_until(terminal, b"welcome")
        self.assertIn(b"press Ctrl-] three times", seen)
        os.write(terminal, b"\x03")
        self.read_until(terminal, b"<\x03>")

        termios.tcsetwinsize(terminal, (50, 132))
        self.read_until(terminal, b"[size 132 50]")
        os.write(terminal, b"q")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)

    def test_escape_leaves_terminal_mode(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(os.path.join(fake_build.REPOSITORY, "portico"), ["portico", "run", "terminal"], self.environment)
        self.read_until(terminal, b"welcome")
        os.write(terminal, b"\x1d\x1d\x1d")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)
        os.close(terminal)

    def test_escape_leaves_a_mute_guest(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(os.path.join(fake_build.REPOSITORY, "portico"), ["portico", "run", "mute"], self.environment)
        self.read_until(terminal, b"press Ctrl-]")
        time.sleep(0.2)  # the terminal is made raw after the hint
        os.write(terminal, b"\x1d\x1d\x1d")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)
        os.close(terminal)

    def read_until(self, terminal, wanted):
        seen = b""
        deadline = time.monotonic() + 10
        while wanted not in seen:
            self.assertLess(time.monotonic(), deadline, seen)
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 4096)
        return seen


if __name__ == "__main__":
    unittest.main()
