"""SMTP in front of a real server on a local port: what was sent when the connection breaks, and what becomes of connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.errors import DeclarationError, RegistryError
from providers.registry import load
from providers.secret import Secret
from providers.smtp import Smtp
from schemas.records import EmailOverrides
from tests.emulators.server import DEAF
from tests.emulators.smtp import BOUNCES, DEAD, KEY, SENDER, USER, SmtpEmulator, certificates

Start = Callable[..., Awaitable[tuple[SmtpEmulator, Smtp]]]
PLAIN = Message(
    message_id="m-0",
    notification_id="n",
    user_id="u",
    address="ann@example.org",
    ref="r-0",
    subject="Hi",
    body="Hello",
    sent_at=1_732_147_200_000,
)


def made(server: SmtpEmulator, **options: Any) -> Smtp:
    port = int(server.base_url.rpartition(":")[2])
    tls = "none" if server.plain else "implicit" if server.implicit_tls else "starttls"
    told: dict[str, Any] = {"username": USER, "password": Secret(KEY), "ca_file": certificates()[1], "bounces": BOUNCES}
    if server.plain:
        told = {}
    return Smtp("email", "127.0.0.1", SENDER, port=port, tls=tls, **(told | options))  # type: ignore[arg-type]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[tuple[SmtpEmulator, Smtp]] = []

    async def start(server: SmtpEmulator | None = None, **options: Any) -> tuple[SmtpEmulator, Smtp]:
        server = await (server or SmtpEmulator()).start()
        started.append((server, made(server, **options)))
        return started[-1]

    yield start
    for server, smtp in started:
        await smtp.aclose()
        await server.stop()


async def one(smtp: Smtp, message: Message = PLAIN) -> Outcome:
    (outcome,) = await smtp.deliver([message])
    return outcome


# ------------------------------------------------------------------------------------------------ connections that break


@pytest.mark.parametrize(
    ("at", "kind", "taken"),
    [
        ("greeting", Unavailable, 0),
        ("auth", Unavailable, 0),
        ("mail", Unavailable, 0),
        ("rcpt", Unavailable, 0),
        ("data", Unavailable, 0),
        ("taken", Unknown, 1),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
async def test_what_a_broken_connection_says_depends_on_how_far_it_got(
    start: Start, at: str, kind: type[Outcome], taken: int, kept: bool
) -> None:
    server, smtp = await start()
    if kept:
        assert isinstance(await one(smtp), Accepted)
        if at in ("greeting", "auth"):
            server.hang_up()  # so that a new one is tried
    server.taken.clear()
    server.hang_up_at = at
    outcome = await one(smtp)
    assert type(outcome) is kind, outcome
    assert len(server.taken) == taken
    server.hang_up_at = ""
    assert isinstance(await one(smtp), Accepted)


async def test_no_answer_to_the_text_leaves_it_open(start: Start) -> None:
    server, smtp = await start(timeout_ms=1_000, connect_timeout_ms=500)
    assert isinstance(await one(smtp), Accepted)
    server.next = DEAF
    assert isinstance(await one(smtp), Unknown)
    server.next = ""
    assert isinstance(await one(smtp), Accepted)
    assert server.connections == 2


async def test_a_server_that_accepts_connections_and_says_nothing_was_sent_nothing() -> None:
    open_ones = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    smtp = Smtp("email", "127.0.0.1", SENDER, port=port, tls="none", timeout_ms=400, connect_timeout_ms=100)
    outcome = await one(smtp)
    assert isinstance(outcome, Unavailable)
    assert not outcome.config
    server.close()
    for writer in open_ones:
        writer.close()


async def test_who_is_cancelled_leaves_no_connection_behind(start: Start) -> None:
    server, smtp = await start()
    assert isinstance(await one(smtp), Accepted)
    server.next = DEAF
    sending = asyncio.ensure_future(one(smtp))
    while server.requests < 2:
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    server.next = ""
    assert isinstance(await one(smtp), Accepted)
    assert server.connections == 2
    async with asyncio.timeout(5):
        while server.open != 1:
            await asyncio.sleep(0)


@pytest.mark.parametrize("reply", [b"250-first\r\n250-and no end", b"what?\r\n", b"\r\n"])
async def test_an_answer_that_can_not_be_read_leaves_it_open(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            writer.write(answer)
            await reader.readline()
        while await reader.readline() != b".\r\n":
            pass
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    smtp = Smtp("email", "127.0.0.1", SENDER, port=server.sockets[0].getsockname()[1], tls="none")
    assert isinstance(await one(smtp), Unknown)
    server.close()


# ------------------------------------------------------------------------------------------------ connections that are kept


async def test_a_connection_is_used_again(start: Start) -> None:
    server, smtp = await start()
    for _ in range(5):
        assert isinstance(await one(smtp), Accepted)
    assert (server.connections, server.sign_ins) == (1, 1)


async def test_one_that_the_server_closed_is_noticed_before_a_letter_is_on_its_way(start: Start) -> None:
    server, smtp = await start()
    for _ in range(3):
        assert isinstance(await one(smtp), Accepted)
        server.hang_up()
    assert server.connections == 3


async def test_many_at_once_have_each_their_own(start: Start) -> None:
    server, smtp = await start(concurrency=3)
    assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*(one(smtp) for _ in range(3))))
    assert server.connections == 3
    assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*(one(smtp) for _ in range(3))))
    assert server.connections == 3


async def test_a_refusal_does_not_spoil_the_connection(start: Start) -> None:
    server, smtp = await start()
    dead = await one(smtp, replace(PLAIN, address=DEAD))
    assert dead == Rejected("no_such_mailbox", "550 5.1.1 Recipient address rejected: User unknown", address_dead=True)
    assert isinstance(await one(smtp), Accepted)
    assert server.connections == 1
    assert server.envelopes[-1].rcpt_tos == [PLAIN.address]


async def test_a_connection_serves_so_many_letters(start: Start) -> None:
    server, smtp = await start(letters_per_connection=2)
    for _ in range(5):
        assert isinstance(await one(smtp), Accepted)
    assert server.connections == 3


async def test_a_connection_that_was_idle_for_long_is_not_used(start: Start) -> None:
    server, smtp = await start(idle_ms=0)
    for _ in range(2):
        assert isinstance(await one(smtp), Accepted)
    assert server.connections == 2


async def test_a_password_that_was_replaced_ends_kept_connections(start: Start) -> None:
    password = [KEY]
    server, smtp = await start(password=Secret(lambda: password[0]))
    assert isinstance(await one(smtp), Accepted)
    password[0] = "wrong"
    outcome = await one(smtp)
    assert isinstance(outcome, Unavailable)
    assert outcome.config
    assert outcome.detail == "bad_credentials: 535 5.7.8 Authentication credentials invalid"


# ------------------------------------------------------------------------------------------------ TLS and sign-in


async def test_tls_from_the_start(start: Start) -> None:
    server, smtp = await start(SmtpEmulator(implicit_tls=True))
    assert await one(smtp) == Accepted("4Xy1")
    assert server.sign_ins == 1


async def test_no_tls_where_it_is_said(start: Start) -> None:
    server, smtp = await start(SmtpEmulator(plain=True))
    assert isinstance(await one(smtp), Accepted)
    assert server.envelopes[0].mail_from == SENDER


@pytest.mark.parametrize(
    ("server", "options"),
    [
        (SmtpEmulator(), {"ca_file": ""}),  # signed by nobody we know
        (SmtpEmulator(implicit_tls=True), {"ca_file": ""}),
        (SmtpEmulator(plain=True), {"tls": "starttls"}),  # it has none
        (SmtpEmulator(plain=True), {"tls": "implicit"}),
        (SmtpEmulator(), {"tls": "none"}),  # it insists
        (SmtpEmulator(), {"username": "", "password": None}),
        (SmtpEmulator(), {"username": "another"}),
    ],
)
async def test_what_only_we_can_mend(start: Start, server: SmtpEmulator, options: dict[str, Any]) -> None:
    server, smtp = await start(server)
    outcome = await one(made(server, **options) if "tls" not in options else _with_tls(server, options["tls"]))
    assert isinstance(outcome, Unavailable), outcome
    assert outcome.config, outcome
    assert server.taken == []


def _with_tls(server: SmtpEmulator, tls: str) -> Smtp:
    port = int(server.base_url.rpartition(":")[2])
    return Smtp("email", "127.0.0.1", SENDER, port=port, tls=tls, ca_file=certificates()[1])  # type: ignore[arg-type]


async def test_a_host_that_is_not_there_was_sent_nothing() -> None:
    outcome = await one(Smtp("email", "no-such-host.invalid", SENDER))
    assert isinstance(outcome, Unavailable)
    assert not outcome.config


# ------------------------------------------------------------------------------------------------ letters


async def test_a_line_that_begins_with_a_dot_arrives(start: Start) -> None:
    server, smtp = await start()
    body = ".\n..\n.hidden\nlast."
    assert isinstance(await one(smtp, replace(PLAIN, body=body)), Accepted)
    assert server.letter().get_content().replace("\r\n", "\n").rstrip("\n") == body


async def test_copies_are_in_the_envelope(start: Start) -> None:
    server, smtp = await start()
    email = EmailOverrides(cc=["cc@example.com"], bcc=["bcc@example.com"])
    assert isinstance(await one(smtp, replace(PLAIN, email=email)), Accepted)
    assert server.envelopes[0].rcpt_tos == [PLAIN.address, "cc@example.com", "bcc@example.com"]


async def test_a_copy_that_is_refused_is_not_whom_it_is_for(start: Start) -> None:
    server, smtp = await start()
    outcome = await one(smtp, replace(PLAIN, email=EmailOverrides(cc=[DEAD])))
    assert outcome == Rejected("no_such_mailbox", "550 5.1.1 Recipient address rejected: User unknown")
    assert server.taken == []


async def test_an_international_address_where_the_server_takes_it(start: Start) -> None:
    server, smtp = await start()
    assert isinstance(await one(smtp, replace(PLAIN, address="žofie@bücher.example")), Accepted)
    assert server.taken == ["žofie@xn--bcher-kva.example"]


async def test_an_international_address_where_it_does_not(start: Start) -> None:
    server, smtp = await start(SmtpEmulator(utf8=False))
    assert await one(smtp, replace(PLAIN, address="žofie@example.org")) == Unsupported("smtp takes no international address")
    assert isinstance(await one(smtp, replace(PLAIN, address="zofie@bücher.example", subject="Účet")), Accepted)
    assert server.connections == 1


async def test_a_batch_is_answered_in_order(start: Start) -> None:
    server, smtp = await start()
    addresses = ["a@example.org", DEAD, "no address", "b@example.org"]
    outcomes = await smtp.deliver([replace(PLAIN, address=address) for address in addresses])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Rejected, Accepted]
    assert server.taken == ["a@example.org", "b@example.org"]


async def test_bounces_and_reports_name_the_delivery(start: Start) -> None:
    server, smtp = await start()
    await one(smtp, replace(PLAIN, ref="3.batch+x=1 y"))
    assert server.envelopes[0].mail_from == "bounces+3.batch=2Bx=3D1=20y@example.com"
    assert server.envelope_ids == ["3.batch+x=1 y"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2.0.0 Ok: queued as 4XyZ1", "4XyZ1"),
        ("Ok 0100018b7a4f7b1e-5c0e5a3e-1111-2222-3333-444455556666-000000", "0100018b7a4f7b1e-5c0e5a3e-1111-2222-3333-444455556666-000000"),
        ("2.0.0 OK", ""),
        ("Message received", ""),
    ],
)
async def test_the_servers_id_is_kept_where_it_says_one(start: Start, monkeypatch: pytest.MonkeyPatch, said: str, found: str) -> None:
    async def take(*told: object) -> str:
        return f"250 {said}"

    server = SmtpEmulator()
    monkeypatch.setattr(server, "handle_DATA", take)
    _, smtp = await start(server)
    assert await one(smtp) == Accepted(found)


async def test_a_flood_is_throttled(start: Start) -> None:
    server, smtp = await start()
    server.next = "flood"
    assert await one(smtp) == Throttled(0, "try_later: 450 4.7.28 Mail flood detected")


# ------------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    "options",
    [
        {"sender": "no address"},
        {"sender": "a@b\r\nc"},
        {"bounces": "bounces@example.com"},
        {"bounces": "{ref}"},
        {"ca_file": "/no/such/file"},
    ],
)
def test_options_that_can_not_hold_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        Smtp("email", "127.0.0.1", **({"sender": SENDER} | options))


def test_it_is_made_from_the_registrys_file() -> None:
    options = {"host": "mx.example.com", "sender": SENDER, "username": "u", "password": "${KEY}", "port": "465", "tls": "implicit"}
    config = {"channels": {"email": [{"kind": "smtp", "options": options}]}}
    route = load(config, {"KEY": "secret"})["email"]["smtp"]
    assert isinstance(route.provider, Smtp)
    with pytest.raises(RegistryError):
        load({"channels": {"email": [{"kind": "smtp", "options": options | {"tls": "maybe"}}]}}, {"KEY": "secret"})
