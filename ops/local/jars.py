"""Fetch what the parts are made of, by Maven coordinates, once.

One pom a part under poms/. A part's folder is complete when its stamp holds the hash of the poms it was made from.
Killed at any point: the stamp is written last, so the part is fetched again.
``python3 -m ops.local.jars`` fetches and needs nothing installed but Maven.
"""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

from ops.local import tools
from ops.local.errors import JarsFailed, MissingTool, StackError
from ops.local.paths import Home

POMS = Path(__file__).parent / "poms"
PARTS = ("kafka", "cassandra", "registry", "connect", "postgres")
MAVEN_TIMEOUT_S = 1200
STAMP = ".complete"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}


def missing(home: Home, parts: Iterable[str] = PARTS) -> list[str]:
    """The parts whose folder is absent, incomplete, or made from other poms."""
    return [part for part in parts if not complete(home.jars / part, fingerprint(part))]


def complete(folder: Path, wanted: str) -> bool:
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == wanted


def fingerprint(part: str) -> str:
    """Hash of everything that decides what is in a part's folder."""
    texts = [(POMS / "pom.xml").read_bytes(), (POMS / f"{part}.xml").read_bytes(), postgres_platform().encode()]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def postgres_platform() -> str:
    """Which build of the Postgres binaries this machine needs, e.g. ``linux-amd64``."""
    system, machine = platform.system(), platform.machine()
    if system not in SYSTEMS or machine.lower() not in ARCHITECTURES:
        raise MissingTool(f"No Postgres binaries for {system} on {machine}; use docker-compose.yml on this machine.")
    return f"{SYSTEMS[system]}-{ARCHITECTURES[machine.lower()]}"


def fetch(home: Home, parts: Iterable[str] = PARTS) -> list[str]:
    """Bring the missing parts, in one Maven run. Returns which they were. Raises JarsFailed, MissingTool.

    Several homes may share the jars folder: a lock in it lets one fetch at a time.
    """
    if not missing(home, parts):
        return []
    home.create()
    with (home.jars / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = missing(home, parts)
        if wanted:
            _run_maven(home, wanted)
            for part in wanted:
                _settle(home.jars, part)
    return wanted


def _run_maven(home: Home, parts: list[str]) -> None:
    log = home.log("maven")
    for part in parts:
        shutil.rmtree(home.jars / f"{part}.part", ignore_errors=True)
    command = [
        tools.maven(), "--batch-mode", "--no-transfer-progress", "--threads", "4", "--file", str(POMS / "pom.xml"),
        "--projects", ",".join(f":{part}" for part in parts), "dependency:copy-dependencies",
        f"-Dcarillon.jars={home.jars}", f"-Dcarillon.platform={postgres_platform()}",
    ]  # fmt: skip
    with log.open("wb") as sink:
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, timeout=MAVEN_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise JarsFailed(parts, f"Maven did not end within {MAVEN_TIMEOUT_S} s", log, tail(log)) from error
    if result.returncode:
        raise JarsFailed(parts, f"Maven ended with {result.returncode}", log, tail(log))


def tail(log: Path, lines: int = 15, since: int = 0) -> list[str]:
    """The last lines of a log, none from before byte ``since``."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - 16_384))
        return file.read().decode(errors="replace").splitlines()[-lines:]


def _settle(jars: Path, part: str) -> None:
    """Unpack what is not a plain jar, then put the folder in its place and stamp it."""
    fresh = jars / f"{part}.part"
    if part == "registry":
        _unpack(next(fresh.glob("*.tar.gz")), fresh)
    if part == "postgres":
        jar = next(fresh.glob("*.jar"))
        with ZipFile(jar) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".txz"))
            archive.extract(inner, fresh)
        jar.unlink()
        _unpack(fresh / inner, fresh)
    shutil.rmtree(jars / part, ignore_errors=True)
    fresh.rename(jars / part)
    (jars / part / STAMP).write_text(fingerprint(part))


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:  # Python 3.11.0 to 3.11.3; the archive's hash was checked by Maven
            tar.extractall(folder)
    archive.unlink()


def main() -> str | None:
    """Fetch what is missing. Returns None, or the complaint."""
    began = time.monotonic()
    home = Home.load()
    try:
        fetched = fetch(home)
    except StackError as error:
        return f"{type(error).__name__}: {error}"
    if fetched:
        sys.stdout.write(f"{home.jars}: fetched {', '.join(fetched)} in {time.monotonic() - began:.0f} s\n")
    return None


if __name__ == "__main__":
    sys.exit(main())
