"""A build folder that looks finished, so that the command can be tested without a compiler or a guest."""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))

def make(build: str) -> dict[str, str]:
    """Fills `build` and returns the environment that makes ./portico use it and the fake QEMU."""
    system = os.path.join(build, "system")
    os.makedirs(os.path.join(system, "kernel"))
    for name in ("kernel/kernel", "boot.cpio", "servers.cpio"):
        with open(os.path.join(system, name), "wb") as file:
            file.write(b"")
    return {**os.environ, "PORTICO_BUILD": build, "PORTICO_NO_BUILD": "1", "PORTICO_QEMU": os.path.join(HERE, "fake_qemu.py")}


def portico(environment: dict[str, str], *arguments: str, stdin: bytes = b"", timeout: float = 20) -> subprocess.CompletedProcess:
    return subprocess.run([os.path.join(REPOSITORY, "portico"), *arguments], env=environment, input=stdin, capture_output=True,
                          timeout=timeout, check=False)
