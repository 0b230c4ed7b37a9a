"""portico strace against a stand-in for QEMU: what the guest is told, where the trace goes."""
import os
import subprocess
import sys
import tempfile
import unittest

import fake_build

sys.path.insert(0, os.path.join(fake_build.REPOSITORY, "host"))

import strace


class StraceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.environment = fake_build.make(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_strace(self, *arguments):
        return fake_build.portico(self.environment, "strace", *arguments)

    def config(self, *arguments):
        done = self.run_strace(*arguments, "--", "config")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stdout.decode().splitlines() if line.startswith("strace")]

    def assert_refused(self, *arguments, says):
        done = self.run_strace(*arguments)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(says, done.stderr.decode())

    def test_flags_reach_the_guest(self):
        self.assertEqual(self.config(), ["strace=on"])
        self.assertEqual(self.config("-f", "-c", "-s", "80", "-e", "trace=open,%file"),
                         ["strace=on", "strace_calls=open,%file", "strace_summary=on", "strace_string=80"])
        self.assertEqual(self.config("-e", "!read,write"), ["strace=on", "strace_calls=!read,write"])
        self.assertEqual(self.config("--env", "A=b", "--cpus", "1", "-m", "1G"), ["strace=on"])

    def test_run_is_not_traced(self):
        done = fake_build.portico(self.environment, "run", "config")
        self.assertNotIn(b"strace", done.stdout)

    def test_wrong_flags_say_what_was_meant(self):
        self.assert_refused("-e", "trace=opne", "--", "config", says="there is no Linux call 'opne'; did you mean open?")
        self.assert_refused("-e", "signal=all", "--", "config", says="only trace=LIST is known")
        self.assert_refused("-s", "many", "--", "config", says="not a number")
        self.assert_refused(says="which program?")

    def test_the_trace_goes_to_stderr(self):
        done = self.run_strace("--", "trace")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, b"output\n", b"close(3) = 0\nerror\nexit_group(3) = ?\n"))

    def test_the_trace_goes_to_a_file(self):
        path = os.path.join(self.folder.name, "trace")
        done = self.run_strace("-o", path, "--", "trace")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, b"output\n", b"error\n"))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"close(3) = 0\nexit_group(3) = ?\n")
        self.assert_refused("-o", os.path.join(self.folder.name, "no", "such"), "--", "trace", says="No such file or directory")

    def test_names_of_calls(self):
        names = strace.call_names()
        self.assertGreater(len(names), 300)
        for name in ("read", "openat", "clone3"):
            self.assertIn(name, names)

    def test_help(self):
        done = subprocess.run([os.path.join(fake_build.REPOSITORY, "portico"), "help", "strace"], env=self.environment, capture_output=True,
                              check=True)
        for flag in (b"-e, --expr", b"-c, --summary-only", b"-o, --output", b"--cpus N", b"--env NAME"):
            self.assertIn(flag, done.stdout)


if __name__ == "__main__":
    unittest.main()
