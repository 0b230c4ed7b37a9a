"""Unit tests of what run --missing counts and run --compare-linux shows."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import compare_linux
import missing


class MissingTest(unittest.TestCase):
    def counted(self, *lines: str) -> dict[tuple[str, str], int]:
        return dict(missing.count(lines))

    def test_calls_that_are_not_there_are_counted_by_name(self):
        self.assertEqual(self.counted("[pid     2] keyctl(0, 1) = -1 ENOSYS (Function not implemented)", "keyctl(3) = -1 ENOSYS (Function not implemented)",
                                      "<... io_uring_setup resumed>) = -1 ENOSYS (Function not implemented)"),
                         {("call", "keyctl"): 2, ("call", "io_uring_setup"): 1})

    def test_paths_below_proc_sys_and_dev_are_counted_without_pids(self):
        self.assertEqual(self.counted('openat(AT_FDCWD, "/proc/77/limits", O_RDONLY) = -1 ENOENT (No such file or directory)',
                                      'openat(AT_FDCWD, "/proc/78/limits", O_RDONLY) = -1 ENOENT (No such file or directory)',
                                      'openat(AT_FDCWD, "/etc/none", O_RDONLY) = -1 ENOENT (No such file or directory)',
                                      'openat(AT_FDCWD, "/proc/stat", O_RDONLY) = 3'),
                         {("path", "/proc/N/limits"): 2})

    def test_options_are_told_with_the_call_that_refused_them(self):
        self.assertEqual(self.counted("ioctl(3, FIOASYNC, [1]) = -1 ENOTTY (Inappropriate ioctl for device)",
                                      "ioctl(1, TCGETS, 0x7ffe) = -1 ENOTTY (Inappropriate ioctl for device)",
                                      "lseek(1, 0, 9) = -1 EINVAL (Invalid argument)",
                                      "mmap(NULL, 4096, PROT_READ, MAP_SHARED|MAP_HUGETLB, -1, 0) = -1 EINVAL (Invalid argument)"),
                         {("option", "ioctl FIOASYNC (ENOTTY)"): 1, ("option", "mmap PROT_READ, MAP_SHARED|MAP_HUGETLB (EINVAL)"): 1})


class SideBySideTest(unittest.TestCase):
    def test_lines_that_differ_are_marked(self):
        self.assertEqual(compare_linux.side_by_side(["a", "b", "c"], ["a", "x", "c", "d"], 3), ["a     a", "b   | x", "c     c", "    > d"])


if __name__ == "__main__":
    unittest.main()
