"""Root directories of Debian packages: what is read out of maintainer scripts, and what becomes of a hand-made package."""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

from failure import Failure
from images import alternatives, apt, archives, debian_root, ext4_image, root_disk, store

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


def _tarball(entries):
    """Names and texts; a folder if the text is None, a link if it is a tuple."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, text in entries:
            info = tarfile.TarInfo(name)
            info.uid, info.mode = 7, 0o640
            if text is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(text, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, text[0]
            else:
                info.size = len(text)
            tar.addfile(info, io.BytesIO(text if isinstance(text, bytes) else b""))
    return file.getvalue()


class DiskTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for module, name in ((ext4_image, "_DISKS"), (archives, "_UNPACKED"), (root_disk, "_KEPT")):
            patched = mock.patch.object(module, name, os.path.join(self.folder, name))
            patched.start()
            self.addCleanup(patched.stop)

    def path(self, name, data=b""):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def debugfs(self, image, request):
        return subprocess.run(["/sbin/debugfs", "-R", request, image], capture_output=True, text=True, check=True).stdout

    def test_a_folder_becomes_a_sound_image_once(self):
        os.makedirs(f"{self.folder}/root/d")
        self.path("root/d/file", b"text")
        os.symlink("d/file", f"{self.folder}/root/link")
        disk = root_disk.of(f"{self.folder}/root", persist=False)
        self.assertTrue(disk.snapshot)
        self.assertEqual(self.debugfs(disk.file, "cat /d/file"), "text")
        self.assertEqual(subprocess.run(["/sbin/e2fsck", "-fn", disk.file], capture_output=True, check=False).returncode, 0)
        self.assertTrue(ext4_image.is_image(disk.file))
        self.assertEqual(root_disk.of(f"{self.folder}/root", persist=False).file, disk.file)
        self.path("root/d/file", b"other")
        self.assertNotEqual(root_disk.of(f"{self.folder}/root", persist=False).file, disk.file)

    def test_what_is_kept_is_a_copy_and_an_image_is_itself(self):
        self.path("root/file", b"text")
        made = root_disk.of(f"{self.folder}/root", persist=False).file
        kept = root_disk.of(f"{self.folder}/root", persist=True)
        self.assertFalse(kept.snapshot)
        self.assertNotEqual(kept.file, made)
        self.path("root/file", b"changed")
        self.assertEqual(root_disk.of(f"{self.folder}/root", persist=True).file, kept.file)
        own = root_disk.of(made, persist=True)
        self.assertEqual((own.file, own.snapshot), (made, False))

    def test_owners_of_who_is_not_root(self):
        path = self.path("root/file", b"text")
        os.chown(path, 1234, 1234)
        image = ext4_image.of_folder(f"{self.folder}/root", owned_by_root=True)
        self.assertRegex(self.debugfs(image, "stat /file"), r"User: +0 +Group: +0")

    def test_tarballs(self):
        data = _tarball([("./", None), ("etc/", None), ("etc/name", b"tar"), ("link", ("etc/name",))])
        for name, packed in (("plain.tar", data), ("packed.tar.gz", gzip.compress(data))):
            root = archives.of_tarball(self.path(name, packed))
            with open(f"{root}/link", "rb") as file:
                self.assertEqual(file.read(), b"tar")
            self.assertEqual(os.stat(f"{root}/etc/name").st_mode & 0o777, 0o640)
            self.assertEqual(archives.of_tarball(f"{self.folder}/{name}"), root)
        with self.assertRaisesRegex(Failure, "could not be unpacked"):
            archives.of_tarball(self.path("bad.tar", b"\x1f\x8bnonsense"))

    def test_layers_of_an_oci_layout(self):
        def blob(data):
            digest = hashlib.sha256(data).hexdigest()
            self.path(f"oci/blobs/sha256/{digest}", data)
            return {"digest": f"sha256:{digest}", "size": len(data)}

        first = _tarball([("d/", None), ("d/gone", b"1"), ("d/stays", b"2"), ("e/", None), ("e/old", b"3"), ("out", ("/tmp",))])
        second = _tarball([("d/.wh.gone", b""), ("e/", None), ("e/.wh..wh..opq", b""), ("e/new", b"4")])
        layers = [blob(gzip.compress(first)), blob(second)]
        manifest = blob(json.dumps({"layers": layers}).encode())
        self.path("oci/index.json", json.dumps({"manifests": [manifest]}).encode())
        self.path("oci/oci-layout", b"{}")
        self.assertTrue(archives.is_oci_layout(f"{self.folder}/oci"))
        root = archives.of_oci_layout(f"{self.folder}/oci")
        self.assertEqual(sorted(os.listdir(f"{root}/d")) + sorted(os.listdir(f"{root}/e")), ["stays", "new"])
        layers.append(blob(_tarball([("out/x", b"not the layer's")])))
        self.path("oci/index.json", json.dumps({"manifests": [blob(json.dumps({"layers": layers}).encode())]}).encode())
        with self.assertRaisesRegex(Failure, "leads out of the root"):
            archives.of_oci_layout(f"{self.folder}/oci")

    def test_what_is_nothing_of_it(self):
        with self.assertRaisesRegex(Failure, "no such folder, archive or disk image"):
            root_disk.of(f"{self.folder}/missing", persist=False)
