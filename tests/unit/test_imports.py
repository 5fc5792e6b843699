"""The import rule: pure modules reach no I/O, clock or Kafka client, also not through other modules of ours; and who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "streams", "providers", "projections", "gateway", "ops", "bench")

FORBIDDEN = {
    "faust", "mode", "confluent_kafka", "aiokafka", "httpx", "cassandra", "clickhouse_connect", "chdb", "rocksdict",
    "time", "os", "asyncio", "socket",
}  # fmt: skip
PURE_NAMES = {"rules", "rows", "records"}
PURE_MODULES = {
    "schemas.debezium",
    "schemas.cdc",
    "schemas.table_changes",
    "schemas.coded",
    "schemas.columns",
    "schemas.ids",
    "schemas.partition",
    "providers.answers",
    "providers.base",
    "providers.carried",
    "providers.codes",
    "providers.features",
    "providers.slicing",
    "providers.segments",
    "providers.ssrf",
    "projections.cassandra.parts",
    "streams.delivery.ends",
    "streams.delivery.retries",
}
PURE_MODULES |= {
    f"streams.audience.{name}"
    for name in ("control", "expression", "grammar", "joins", "matching", "members", "nodes", "pace", "search", "tokens", "tries")
}
PURE_MODULES |= {
    f"streams.policy.{name}" for name in ("caps", "decision", "local", "policy", "quiet", "reading", "table", "written", "zones")
}
PURE_MODULES |= {f"streams.digest.{name}" for name in ("content", "folding", "state", "windows")}
PURE_MODULES |= {f"streams.intake.{name}" for name in ("overrides", "parts", "payload", "sightings", "trigger", "values")}
PURE_MODULES |= {f"streams.routing.{name}" for name in ("breaker", "choice", "days", "health", "limits", "shedding")}
PURE_MODULES |= {"streams.planner.overrides", "streams.strict_record", "streams.profiles.positions", "streams.profiles.values"}
PURE_MODULES |= {
    f"providers.feedback.{name}"
    for name in (
        *("base", "errors", "keywords", "mailgun", "reading", "seen", "sendgrid", "ses", "signing", "slack", "smtp", "sns"),
        *("sns_certificate", "standard", "twilio", "twilio_codes", "twilio_form", "vonage", "vonage_codes", "vonage_signing"),
    )
}
# providers build requests and parse responses of httpx's types; sending them is another module's
TYPES_OF_HTTPX = "providers."

MAY_IMPORT = {
    "schemas": {"schemas"},
    "providers": {"providers", "schemas"},
    "streams": {"streams", "providers", "schemas"},
    "projections": {"projections", "schemas"},
    # of streams pure rules only, below; of providers what verifies and reads their webhooks
    "gateway": {"gateway", "providers", "schemas", "streams"},
    "ops": set(PACKAGES),
    "bench": set(PACKAGES),
}

Graph = dict[str, set[str]]


def graph(root: Path) -> Graph:
    """Module -> everything it imports when it runs, as dotted names: ours in full, also packages on the way; others by their first part."""
    paths = {name: path for package in PACKAGES for name, path in _modules(root, package)}
    return {name: {*_imported(name, path, set(paths)), *_prefixes(name.rpartition(".")[0], set(paths))} for name, path in paths.items()}


def _modules(root: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in (root / package).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imported(module: str, path: Path, ours: set[str]) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _running(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = [source, *(f"{source}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield name.partition(".")[0]
            yield from _prefixes(name, ours)


def _prefixes(name: str, ours: set[str]) -> Iterator[str]:
    """A module of ours and the packages it is in: importing it runs them all."""
    parts = name.split(".")
    return (prefix for end in range(1, len(parts) + 1) if (prefix := ".".join(parts[:end])) in ours)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield other
                yield from _running(other)
            continue
        yield child
        yield from _running(child)


def is_pure(module: str) -> bool:
    return module in PURE_MODULES or module.rpartition(".")[2] in PURE_NAMES


def impurities(imports: Graph, module: str) -> list[str]:
    """What a module must not reach but does, each as the chain that leads there."""
    found: list[str] = []
    seen, waiting = {module}, [[module]]
    while waiting:
        chain = waiting.pop()
        here = chain[-1]
        allowed = {"httpx"} if here.startswith(TYPES_OF_HTTPX) else set()
        found += [" -> ".join([*chain, bad]) for bad in sorted(imports[here] & FORBIDDEN - allowed)]
        following = sorted((imports[here] & imports.keys()) - seen)
        seen.update(following)
        waiting += [[*chain, name] for name in following]
    return found


def trespasses(imports: Graph) -> list[str]:
    """Imports across packages that are not allowed."""
    found = []
    for module, names in imports.items():
        mine = module.partition(".")[0]
        for name in sorted(names & imports.keys()):
            only_on_the_way = any(other.startswith(name + ".") for other in names)
            if only_on_the_way:
                continue
            impure = mine == "gateway" and name.startswith("streams.") and not is_pure(name)
            if name.partition(".")[0] not in MAY_IMPORT[mine] or impure:
                found.append(f"{module} -> {name}")
    return found


IMPORTS = graph(ROOT)


@pytest.mark.parametrize("module", sorted(filter(is_pure, IMPORTS)))
def test_pure_modules_reach_no_io_and_no_clock(module: str) -> None:
    assert impurities(IMPORTS, module) == []


def test_packages_meet_only_where_they_may() -> None:
    assert trespasses(IMPORTS) == []


def test_the_modules_the_rule_names_exist() -> None:
    assert IMPORTS.keys() >= PURE_MODULES
    assert {"schemas.records", "streams.intake.rules"} <= set(filter(is_pure, IMPORTS))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with one offence of each kind."""
    files = {
        "schemas/__init__.py": "",
        "schemas/records.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import faust\nelse:\n    import enum",
        "schemas/registry.py": "import confluent_kafka.schema_registry as r",
        "streams/__init__.py": "",
        "streams/a/__init__.py": "from time import monotonic",
        "streams/a/rules.py": "import schemas.records",
        "streams/b/__init__.py": "",
        "streams/b/rules.py": "def f():\n    from os.path import join",
        "streams/c/__init__.py": "",
        "streams/c/rules.py": "from . import helper",
        "streams/c/helper.py": "from schemas import registry",
        "streams/d/__init__.py": "",
        "streams/d/rules.py": "from ..e.good import x",
        "streams/e/__init__.py": "",
        "streams/e/good.py": "import json, timeit",
        "providers/__init__.py": "",
        "providers/base.py": "import httpx",
        "providers/bad.py": "from streams.e import good",
        "projections/__init__.py": "import providers.base",
        "gateway/__init__.py": "from streams.d import rules\nfrom streams.e import good",
        "ops/__init__.py": "import projections, gateway",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("schemas.records", []),
        ("streams.a.rules", ["streams.a.rules -> streams.a -> time"]),
        ("streams.b.rules", ["streams.b.rules -> os"]),
        ("streams.c.rules", ["streams.c.rules -> streams.c.helper -> schemas.registry -> confluent_kafka"]),
        ("streams.d.rules", []),
        ("providers.base", []),
    ],
)
def test_the_rule_finds_what_it_should(tree: Path, module: str, found: list[str]) -> None:
    assert impurities(graph(tree), module) == found


def test_the_rule_finds_trespassers(tree: Path) -> None:
    assert sorted(trespasses(graph(tree))) == [
        "gateway -> streams.e.good",
        "projections -> providers.base",
        "providers.bad -> streams.e.good",
    ]
