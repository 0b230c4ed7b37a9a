"""Root directories out of archives: a tarball (docker export), or an OCI image layout. Kept in build/images/unpacked by content."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile

import paths
from failure import Failure

_UNPACKED = os.path.join(paths.BUILD, "images", "unpacked")
_COMPRESSORS = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd", b"\xfd7": "xz", b"BZ": "bzip2"}
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_KEPT_MAX = 6


def is_oci_layout(directory: str) -> bool:
    return os.path.isfile(os.path.join(directory, "oci-layout")) and os.path.isfile(os.path.join(directory, "index.json"))


def of_tarball(path: str) -> str:
    """The folder with what is in a tarball, compressed or not."""
    return _unpacked(_digest([path]), [path])


def of_oci_layout(directory: str) -> str:
    """The folder with all layers of the layout's (first) image, one over the other."""
    layers = _layers(directory)
    return _unpacked(_digest(layers), layers)


def _layers(directory: str) -> list[str]:
    def blob(descriptor: dict) -> str:
        algorithm, _, digest = str(descriptor["digest"]).partition(":")
        return os.path.join(directory, "blobs", os.path.basename(algorithm), os.path.basename(digest))

    def read(path: str) -> dict:
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    try:
        found = read(os.path.join(directory, "index.json"))
        while "layers" not in found:
            choices = found["manifests"]
            fitting = [choice for choice in choices if choice.get("platform", {}).get("architecture", "amd64") == "amd64"]
            found = read(blob((fitting or choices)[0]))
        return [blob(layer) for layer in found["layers"]]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise Failure(f"{directory} is no OCI image layout that can be read: {error}") from None


def _digest(files: list[str]) -> str:
    digest = hashlib.sha256()
    for path in files:
        status = os.stat(path)
        digest.update(f"{os.path.realpath(path)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]


def _unpacked(digest: str, layers: list[str]) -> str:
    target = os.path.join(_UNPACKED, digest)
    if os.path.isdir(target):
        os.utime(target)
        return target
    os.makedirs(_UNPACKED, exist_ok=True)
    _drop_oldest()
    unfinished = tempfile.mkdtemp(prefix="unfinished-", dir=_UNPACKED)
    try:
        os.chmod(unfinished, 0o755)
        for number, layer in enumerate(layers):
            if number == 0:
                _extract(layer, unfinished)
            else:
                _add_layer(layer, unfinished)
        os.rename(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _add_layer(layer: str, root: str) -> None:
    """What a layer takes away stands in it as names that begin with .wh.; that happens before anything is added."""
    names = _listed(layer)
    for name in names:
        folder, base = os.path.split(name.rstrip("/"))
        place = os.path.join(root, folder)
        if not _is_inside(place, root):
            # tar would follow a link of an earlier layer out of the root, to files of this machine.
            raise Failure(f"{layer}: {name} lies behind a link that leads out of the root; such images are not unpacked")
        gone = base.removeprefix(_WHITEOUT)
        if base == _OPAQUE:
            doomed = [os.path.join(place, entry) for entry in os.listdir(place)] if os.path.isdir(place) else []
        else:
            doomed = [os.path.join(place, gone)] if gone != base and gone not in ("", ".", "..") else []
        for path in doomed:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
    _extract(layer, root, f"--exclude={_WHITEOUT}*")


def _is_inside(path: str, root: str) -> bool:
    return (os.path.realpath(path) + "/").startswith(os.path.realpath(root) + "/")


def _tar(path: str, arguments: list[str]) -> str:
    try:
        with open(path, "rb") as file:
            compressor = _COMPRESSORS.get(file.read(2))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    if compressor and not shutil.which(compressor):
        raise Failure(f"{path} is compressed with {compressor}, which is not installed (apt-get install {compressor})")
    command = ["tar", *([f"--use-compress-program={compressor}"] if compressor else []), "-f", path, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="surrogateescape", check=False)
    if done.returncode != 0:
        raise Failure(f"{path} could not be unpacked: {done.stderr.strip()[-300:]}")
    return done.stdout


def _extract(path: str, root: str, *more: str) -> None:
    """Owners and device nodes as archived if we are root; else the files are ours, and device nodes are left out (the guest has its own)."""
    mine = ["--no-same-owner", "--exclude=dev/*", "--exclude=./dev/*"] if os.geteuid() else ["--same-owner"]
    _tar(path, ["-x", "-p", "-C", root, "--numeric-owner", "--keep-directory-symlink", *mine, *more])


def _listed(path: str) -> list[str]:
    return _tar(path, ["-t", "--quoting-style=literal"]).splitlines()


def _drop_oldest() -> None:
    folders = sorted((entry for entry in os.scandir(_UNPACKED) if not entry.name.startswith("unfinished-")), key=lambda entry: entry.stat().st_mtime)
    for entry in folders[:max(len(folders) - _KEPT_MAX, 0)]:
        shutil.rmtree(entry.path, ignore_errors=True)
