"""Where the local stack keeps everything: one folder, ignored by git."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The folders of one stack. Two homes with two port bases run side by side."""

    root: Path
    jars: Path

    @property
    def run(self) -> Path:
        """Pid files, generated configuration, endpoints.json."""
        return self.root / "run"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def endpoints(self) -> Path:
        return self.run / "endpoints.json"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def pid(self, part: str) -> Path:
        return self.run / f"{part}.pid"

    def config(self, part: str) -> Path:
        return self.run / part

    def create(self) -> None:
        """Make the folders. The root carries its own .gitignore, wherever CARILLON_HOME puts it."""
        for folder in (self.run, self.data, self.logs, self.jars):
            folder.mkdir(parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> "Home":
        """CARILLON_HOME (default: .carillon in the checkout) and CARILLON_JARS (default: jars in the home)."""
        root = Path(env.get("CARILLON_HOME") or REPOSITORY / ".carillon").expanduser().absolute()
        return cls(root, Path(env.get("CARILLON_JARS") or root / "jars").expanduser().absolute())
