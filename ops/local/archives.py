"""Class archives: what a JVM loaded and verified the first time, it maps into memory the next time.

The first clean stop of a part writes the archive, later starts use it; that saves about 40 % of the CPU of a start. The JVM checks
an archive against itself and its class path and starts without one when it does not fit.
Killed at any point: an archive is written in the home, and moved beside the jars only after the JVM has ended by itself.
"""

import hashlib
import os
import shutil
from pathlib import Path

from ops.local import jars, tools
from ops.local.paths import Home

# the only agent is Cassandra's jamm, which measures objects and changes no class
WITH_AGENT = ["-XX:+UnlockDiagnosticVMOptions", "-XX:+AllowArchivingWithJavaAgent"]


def options(home: Home, part: str, java: str) -> list[str]:
    """The JVM options that use the part's archive, or else those that write it at exit."""
    archive = _archive(home, part, java)
    if archive.exists():
        return [*WITH_AGENT, "-Xshare:auto", f"-XX:SharedArchiveFile={archive}"]
    written = _written(home, part)
    written.unlink(missing_ok=True)
    return [*WITH_AGENT, f"-XX:ArchiveClassesAtExit={written}"]


def keep(home: Home, part: str) -> None:
    """Put an archive that was written at exit where the next start looks for it. Call it only after a clean end.

    A jars folder that others fill and we may not write to stays without.
    """
    written = _written(home, part)
    if written.exists() and os.access(home.jars / part, os.W_OK):
        archive = _archive(home, part, tools.java())
        fresh = archive.with_suffix(".new")
        shutil.move(written, fresh)
        fresh.replace(archive)


def _archive(home: Home, part: str, java: str) -> Path:
    key = hashlib.sha256(f"{tools.java_banner(java)}\n{jars.fingerprint(part)}".encode()).hexdigest()[:12]
    return home.jars / part / f"classes-{key}.jsa"


def _written(home: Home, part: str) -> Path:
    return home.run / "tmp" / part / "classes.jsa"
