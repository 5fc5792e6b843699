"""Generated histories of an audience that is searched chunk by chunk (`python -m tests.histories audience` plays very many).

A history: an expression, a population that changes while it is searched, users named beside it, sizes of chunks, and kills. Each chunk is
compared with an oracle that asks every user, one by one, in the plainest way, and knows nothing of normal forms, indexes or cursors.
"""

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from schemas.partition import bucket_of
from schemas.records import Device, Profile
from streams.audience.expression import parse
from streams.audience.rules import next_chunk
from streams.audience.search import Found, search
from tests.generated import play_all
from tests.unit.streams.audience.index import MemoryIndex
from tests.unit.streams.make import command, profile

TAGS = ("a", "b", "all", 'c "d é\\(')
PLATFORMS = ("ios", "android", "web")
USERS = tuple(f"u{number}" for number in range(16)) + ("ann b", 'x"y', "ü", "z\0", "z")

Tree: TypeAlias = tuple[str, "str | list[Tree]"]
"""("all", ""), (kind, name), ("not" | "and" | "or", trees)."""
Person: TypeAlias = tuple[frozenset[str], frozenset[str]]
"""Tags and platforms."""
Population: TypeAlias = dict[str, Person]

leaves = st.one_of(
    st.just(("all", "")),
    st.tuples(st.just("tag"), st.sampled_from(TAGS)),
    st.tuples(st.just("platform"), st.sampled_from(PLATFORMS)),
    st.tuples(st.just("user"), st.sampled_from(USERS)),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), st.lists(inner, min_size=1, max_size=1)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=4)),
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Chunk:
    """How one chunk goes: what changes before it, how many users and entries it may have, and whether it is lost to a kill."""

    before: dict[str, Person | None]
    limit: int
    look_at: int
    killed: bool


@dataclass(frozen=True)
class History:
    """What is searched, and how; when `chunks` are used up they begin again, without kills and changes."""

    tree: Tree
    blanks: str
    population: Population
    named: list[str]
    chunks: list[Chunk]


# drawn as bytes and numbers: to draw sets and dictionaries takes ten times as long as to play them


def _person(bits: int) -> Person | None:
    """Seven bits: tags and platforms; the eighth: whether there is such a user."""
    held = [name for number, name in enumerate((*TAGS, *PLATFORMS)) if bits >> number & 1]
    return (frozenset(held) & set(TAGS), frozenset(held) & set(PLATFORMS)) if bits & 128 else None


def _population(drawn: bytes) -> Population:
    return {user: person for user, bits in zip(USERS, drawn, strict=False) if (person := _person(bits)) is not None}


def _changes(drawn: bytes) -> dict[str, Person | None]:
    return {USERS[which % len(USERS)]: _person(bits) for which, bits in zip(drawn[::2], drawn[1::2], strict=False)}


def _chunk(drawn: tuple[bytes, int]) -> Chunk:
    rest, limit = divmod(drawn[1], 6)
    killed, look_at = divmod(rest, 4)
    return Chunk(_changes(drawn[0]), limit + 1, (10_000, 1, 20, 60)[look_at], killed == 3)


def _named(drawn: bytes) -> list[str]:
    return list(dict.fromkeys((*USERS, "ghost")[which % (len(USERS) + 1)] for which in drawn))


histories = st.builds(
    History,
    trees,
    st.sampled_from([" ", "  ", "\n"]),
    st.binary(max_size=len(USERS)).map(_population),
    st.binary(max_size=3).map(_named),
    st.lists(st.tuples(st.binary(max_size=8), st.integers(0, 95)).map(_chunk), min_size=1, max_size=6),
)


def text_of(tree: Tree, blank: str = " ", inside: str = "or") -> str:
    """The expression as a person might write it: parentheses only where they are needed. `inside`: what it is a part of."""
    kind, rest = tree
    if kind == "all":
        return "all"
    if isinstance(rest, str):
        quoted = rest.replace("\\", "\\\\").replace('"', '\\"')
        return f'{kind}:"{quoted}"' if set(rest) & set(' "()\\') else f"{kind}:{rest}"
    if kind == "not":
        return f"not{blank}{text_of(rest[0], blank, 'not')}"
    made = f"{blank}{kind}{blank}".join(text_of(part, blank, kind) for part in rest)
    return f"({made})" if (inside, kind) in {("not", "and"), ("not", "or"), ("and", "or")} else made


def holds(tree: Tree, user: str, person: Person) -> bool:
    """The oracle, for one user."""
    kind, rest = tree
    if isinstance(rest, str):
        return {"all": True, "tag": rest in person[0], "platform": rest in person[1], "user": rest == user}[kind]
    held = [holds(part, user, person) for part in rest]
    return {"not": not held[0], "and": all(held), "or": any(held)}[kind]


def everyone(tree: Tree, population: Population, named: list[str]) -> list[str]:
    """The oracle: all whom it holds for, and the named, in the order in which they are told."""
    found = {user for user, person in population.items() if holds(tree, user, person)} | set(named)
    return sorted(found, key=place)


def place(user: str) -> tuple[int, bytes]:
    """Where a user stands in a partition."""
    return bucket_of(user), user.encode()


def play(history: History) -> None:
    """Search it chunk by chunk. Raises AssertionError at the first difference."""
    expression = text_of(history.tree, history.blanks)
    wanted = parse(expression)
    assert wanted is not None
    population = dict(history.population)
    todo = command(expression=expression, users=history.named)
    for number in range(500):
        chunk = history.chunks[number % len(history.chunks)]
        if number < len(history.chunks):
            _change(population, chunk.before)
        index = MemoryIndex.of(_profile(user, *person) for user, person in population.items())
        found = search(wanted, todo.users, index, todo.cursor, chunk.limit, chunk.look_at)
        _compare(found, everyone(history.tree, population, history.named), todo.cursor, chunk.limit)
        if chunk.killed and number < len(history.chunks):
            continue  # before anything was written: the same command comes again
        if found.cursor is None:
            return
        todo = next_chunk(todo, found.cursor)
    raise AssertionError("it does not come to an end")


def _compare(found: Found, expected: list[str], cursor: str, limit: int) -> None:
    left = [user for user in expected if not cursor or place(user) > place(cursor)]
    if found.cursor is not None:
        assert not cursor or place(found.cursor) > place(cursor), "no step forward"
        left = [user for user in left if place(user) <= place(found.cursor)]
    assert found.users == left
    assert len(found.users) <= limit


def _change(population: Population, before: dict[str, Person | None]) -> None:
    for user, person in before.items():
        if person is None:
            population.pop(user, None)
        else:
            population[user] = person


def _profile(user: str, tags: frozenset[str], platforms: frozenset[str]) -> Profile:
    return profile(user, tags=sorted(tags), devices=[Device(platform, "t") for platform in sorted(platforms)])


def run(number: int, *, derandomize: bool) -> int:
    """Play that many; returns how many were played. Raises AssertionError with the smallest history that differs."""
    return play_all(histories, play, number, derandomize=derandomize)
