"""`python -m bench`: every benchmark, one after the other; each also runs by itself (`python -m bench.campaign --help`)."""

import subprocess
import sys

BENCHES = (
    ("HTTP clients: ours beside pyreqwest, aiohttp and httpx", ("bench.http_client",)),
    ("The read side: rows into Cassandra and ClickHouse", ("bench.projections", "1000000")),
    ("Delivery: what a recipient costs without Kafka", ("bench.delivery_step",)),
    ("Delivery: one worker against a backlog, beside bare HTTP clients", ("bench.delivery",)),
    ("Limits: four workers at one account's limit, counted where it arrives", ("bench.limits",)),
    ("Audience expressions: from the index to decided", ("bench.audience",)),
    ("A campaign, from the event to the last row", ("bench.campaign", "--users", "1000000")),
    ("2,000 opt-outs thrown at a campaign that is under way", ("bench.opt_out",)),
    ("Timers: a million due within a minute", ("bench.timers", "--timers", "1000000")),
    ("The same, their worker killed 50 times", ("bench.timers", "--timers", "1000000", "--window-s", "240", "--kills", "50")),
    ("Recovery: a worker that lost its memory, and one that lost its disk", ("bench.recovery",)),
)


def main() -> int:
    """Run all; the exit code is 1 when one of them failed."""
    failed = []
    for title, (module, *arguments) in BENCHES:
        sys.stdout.write(f"\n== {title}: python -m {module} {' '.join(arguments)}\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
            failed.append(module)
    sys.stdout.write(f"\nfailed: {', '.join(failed)}\n" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
