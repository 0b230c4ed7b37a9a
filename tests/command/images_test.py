"""Root directories of Debian packages: what is read out of maintainer scripts, and what becomes of a hand-made package."""
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

from failure import Failure
from images import alternatives, apt, debian_root, store

_POSTINST = r"""#!/bin/sh
set -e
prefer=30
if [ "$1" = configure ]; then
    update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \
        --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz
    for i in vi view; do
        update-alternatives --install /usr/bin/$i ${i} /usr/bin/vim.$i $prefer
    done
    update-alternatives --install /usr/bin/unknown unknown $(which unknown) 10
fi
"""


class AlternativesTest(unittest.TestCase):
    def test_what_a_script_installs(self):
        found = [(choice.link, choice.name, choice.path, choice.priority) for choice in alternatives.wanted(_POSTINST)]
        self.assertEqual(found, [("/usr/bin/awk", "awk", "/usr/bin/mawk", 5),
                                 ("/usr/share/man/man1/awk.1.gz", "awk.1.gz", "/usr/share/man/man1/mawk.1.gz", 5),
                                 ("/usr/bin/vi", "vi", "/usr/bin/vim.vi", 30), ("/usr/bin/view", "view", "/usr/bin/vim.view", 30)])

    def test_the_highest_priority_that_is_there_wins(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/usr/bin")
            for name in ("mawk", "gawk", "real"):
                open(f"{root}/usr/bin/{name}", "w").close()
            choose = alternatives.Choice
            alternatives.install(root, [choose("/usr/bin/awk", "awk", "/usr/bin/gawk", 10), choose("/usr/bin/awk", "awk", "/usr/bin/mawk", 5),
                                        choose("/usr/bin/awk", "awk", "/usr/bin/missing", 99), choose("/usr/bin/real", "real", "/usr/bin/mawk", 1)])
            self.assertEqual(os.readlink(f"{root}/usr/bin/awk"), "/etc/alternatives/awk")
            self.assertEqual(os.readlink(f"{root}/etc/alternatives/awk"), "/usr/bin/gawk")
            self.assertFalse(os.path.islink(f"{root}/usr/bin/real"))  # a file of a package is never replaced


class RootTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        cache = mock.patch.object(apt, "_CACHE", self.folder)
        cache.start()
        self.addCleanup(cache.stop)

    def package(self, name, files, postinst="", multi_arch=""):
        source = os.path.join(self.folder, f"{name}-source")
        os.makedirs(f"{source}/DEBIAN")
        with open(f"{source}/DEBIAN/control", "w") as file:
            file.write(f"Package: {name}\nVersion: 1:2-3\nArchitecture: amd64\nMaintainer: none\n{multi_arch}Description: a test\n")
        if postinst:
            with open(f"{source}/DEBIAN/postinst", "w") as file:
                file.write(postinst)
            os.chmod(f"{source}/DEBIAN/postinst", 0o755)
        for path, (text, mode) in files.items():
            os.makedirs(os.path.dirname(f"{source}/{path}"), exist_ok=True)
            with open(f"{source}/{path}", "w") as file:
                file.write(text)
            os.chmod(f"{source}/{path}", mode)
        file = f"{name}_1%3a2-3_amd64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", source, os.path.join(self.folder, file)], check=True, capture_output=True)
        return apt.Package(file, os.path.getsize(os.path.join(self.folder, file)))

    def test_a_root_of_two_packages(self):
        passwd = "root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/:/bin/false\n"
        packages = [self.package("base", {"usr/share/base-passwd/passwd.master": (passwd, 0o644), "bin/dash": ("", 0o755),
                                          "usr/share/doc/base/README": ("", 0o644)}),
                    self.package("awk", {"usr/bin/mawk": ("x", 0o4755), "lib/x86_64-linux-gnu/liba.so": ("", 0o644)}, _POSTINST,
                                 "Multi-Arch: same\n")]
        root = os.path.join(self.folder, "root")
        os.mkdir(root)
        debian_root.write(root, packages)
        self.assertEqual(os.readlink(f"{root}/bin"), "usr/bin")
        self.assertTrue(os.path.isfile(f"{root}/usr/bin/dash") and os.path.isfile(f"{root}/usr/lib/x86_64-linux-gnu/liba.so"))
        self.assertEqual(os.stat(f"{root}/usr/bin/mawk").st_mode & 0o7777, 0o4755)
        self.assertFalse(os.path.exists(f"{root}/usr/share/doc/base/README"))
        self.assertFalse(os.path.lexists(f"{root}/lib32"))
        with open(f"{root}/etc/passwd") as file:
            self.assertEqual(file.read(), passwd)
        with open(f"{root}/etc/shadow") as file:
            self.assertEqual(file.read(), "root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n")
        self.assertEqual(os.readlink(f"{root}/etc/alternatives/awk"), "/usr/bin/mawk")
        self.assertEqual(os.readlink(f"{root}/bin/sh"), "dash")
        self.assertTrue(os.path.isfile(f"{root}/etc/ld.so.cache"))
        audit = subprocess.run(["dpkg", "--root", root, "--audit"], capture_output=True, text=True, check=True)
        self.assertEqual(audit.stdout, "")
        owner = subprocess.run(["dpkg-query", "--admindir", f"{root}/var/lib/dpkg", "-S", "/usr/bin/mawk"], capture_output=True, text=True, check=True)
        self.assertEqual(owner.stdout, "awk:amd64: /usr/bin/mawk\n")

    def test_a_damaged_archive_is_told(self):
        package = self.package("base", {"bin/dash": ("", 0o755)})
        with open(package.path, "r+b") as file:
            file.truncate(200)
        root = os.path.join(self.folder, "root")
        os.mkdir(root)
        with self.assertRaisesRegex(Failure, "base_.*could not be unpacked"):
            debian_root.write(root, [package])


class NamesTest(unittest.TestCase):
    def test_what_can_be_a_name(self):
        self.assertTrue(store.is_name("debian"))
        for text in ("/tmp", "..", "a/b", "", "no-such-image", "Debian"):
            self.assertFalse(store.is_name(text), text)
        with self.assertRaisesRegex(Failure, "can not be the name"):
            store.build("../x", [])


class ListingTest(unittest.TestCase):
    def test_what_apt_prints(self):
        line = "'http://deb.debian.org/pool/libc6_2.36%2bdeb12_amd64.deb' libc6_1%3a2.36+deb12_amd64.deb 2759320 MD5Sum:8d98\nnoise\n"
        (package,) = apt._parsed(line)
        self.assertEqual((package.name, package.version, package.size_bytes), ("libc6", "1:2.36+deb12", 2759320))
        self.assertEqual(apt.digest([package]), apt.digest(apt._parsed(line)))
