"""What a machine must have: Python 3.11, a Java runtime and Maven.

``python3 -m ops.local.tools`` checks all three and needs nothing installed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ops.local.errors import MissingTool

OLDEST_JAVA = 17
# Cassandra 5.0 still installs a security manager, which Java 24 removed
NEWEST_JAVA = 23
OLDEST_PYTHON = (3, 11)
HOW_PYTHON = "Install Python 3.11 or later with its venv module (Debian: python3 python3-venv), or call: make PYTHON=/path/to/python3"
HOW_JAVA = "Install a Java 17 runtime (Debian: openjdk-17-jre-headless; macOS: brew install openjdk@17), or set CARILLON_JAVA to one."
HOW_MAVEN = "Install Maven 3.8 or later (Debian: maven; macOS: brew install maven), or set CARILLON_MAVEN to its mvn."


def java(env: Mapping[str, str] = os.environ) -> str:
    """The path of a java that will do: CARILLON_JAVA, JAVA_HOME/bin/java, or the one on PATH. Raises MissingTool."""
    home = env.get("JAVA_HOME")
    candidates = [env.get("CARILLON_JAVA"), f"{home}/bin/java" if home else None, shutil.which("java", path=env.get("PATH"))]
    found = next((c for c in candidates if c and Path(c).exists()), None)
    if found is None:
        raise MissingTool(f"No java found. {HOW_JAVA}")
    version = java_version(found)
    if not OLDEST_JAVA <= version <= NEWEST_JAVA:
        raise MissingTool(f"{found} is Java {version}, but Java {OLDEST_JAVA} (up to {NEWEST_JAVA}) is needed. {HOW_JAVA}")
    return found


def java_version(path: str) -> int:
    """The feature release, e.g. 17."""
    match = re.search(r'version "(?:1\.)?(\d+)', java_banner(path))
    if match is None:
        raise MissingTool(f"{path} does not tell a Java version. {HOW_JAVA}")
    return int(match.group(1))


@cache
def java_banner(path: str) -> str:
    """What ``java -version`` says: vendor, release and build."""
    result = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)
    return result.stderr + result.stdout


def maven(env: Mapping[str, str] = os.environ) -> str:
    """The path of mvn: CARILLON_MAVEN, or the one on PATH. Raises MissingTool."""
    found = env.get("CARILLON_MAVEN") or shutil.which("mvn", path=env.get("PATH"))
    if found is None or not Path(found).exists():
        raise MissingTool(f"No mvn found. {HOW_MAVEN}")
    return found


def python() -> str:
    """The running interpreter, when it is new enough and can make virtual environments. Raises MissingTool."""
    if sys.version_info < OLDEST_PYTHON:
        raise MissingTool(f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}. {HOW_PYTHON}")
    if any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        raise MissingTool(f"{sys.executable} has no venv module. {HOW_PYTHON}")
    return sys.executable


def check() -> list[str]:
    """What is missing, all of it at once; empty when the machine has everything."""
    complaints = []
    for find in (python, java, maven):
        try:
            find()
        except MissingTool as error:
            complaints.append(str(error))
    return complaints


if __name__ == "__main__":
    sys.exit("\n".join(check()) or 0)
