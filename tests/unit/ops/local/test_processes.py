import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ops.local import processes
from ops.local.identity import started_at
from ops.local.processes import Command, End, PidFile

SLEEP = Command(["sleep", "60"], cwd=Path("/"))


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "part.pid"
    yield path
    processes.stop(path, signal.SIGKILL)


def started(command: Command, pid_file: Path) -> int:
    return processes.start(command, pid_file.with_suffix(".log"), pid_file, {"kafka": 1})


def test_start_records_the_process_and_stop_ends_it(pid_file: Path) -> None:
    pid = started(SLEEP, pid_file)
    assert processes.running(pid_file) == pid
    record = processes.recorded(pid_file)
    assert record is not None
    assert record.ports == {"kafka": 1}
    assert processes.stop(pid_file) is End.CLEAN
    assert started_at(pid) is None
    assert not pid_file.exists()
    assert processes.stop(pid_file) is End.ABSENT


def test_a_process_runs_in_its_own_session_and_is_no_child_of_ours(pid_file: Path) -> None:
    pid = started(SLEEP, pid_file)
    assert os.getsid(pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_output_goes_to_the_log_and_our_environment_stays_with_us(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dours")
    started(Command(["/bin/sh", "-c", 'echo "out $GIVEN $JAVA_TOOL_OPTIONS."; echo err >&2'], Path("/"), {"GIVEN": "g"}), pid_file)
    assert processes.gone(pid_file, within_s=10)
    assert pid_file.with_suffix(".log").read_text() == "out g .\nerr\n"


def test_a_recycled_pid_is_neither_taken_for_ours_nor_killed(pid_file: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_bytes(msgspec.json.encode(PidFile(other.pid, "another-boot:1")))
        assert processes.running(pid_file) is None
        assert processes.stop(pid_file) is End.ABSENT
        assert other.poll() is None
        assert not pid_file.exists()
    finally:
        other.kill()
        other.wait(10)


def test_a_zombie_counts_as_gone() -> None:
    child = subprocess.Popen(["true"])
    deadline = time.monotonic() + 10
    while started_at(child.pid) is not None:
        assert time.monotonic() < deadline
    assert child.wait(10) == 0


def test_one_that_ignores_the_signal_is_killed_after_the_grace(pid_file: Path) -> None:
    script = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    pid = started(Command([sys.executable, "-c", script], cwd=Path("/")), pid_file)
    deadline = time.monotonic() + 10
    while "deaf" not in pid_file.with_suffix(".log").read_text():
        assert time.monotonic() < deadline
    assert processes.stop(pid_file, grace_s=0.1) is End.KILLED
    assert started_at(pid) is None


def test_a_torn_pid_file_means_not_running(pid_file: Path) -> None:
    pid_file.write_text('{"pid": 1')
    assert processes.running(pid_file) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")
def test_privileges_are_dropped(pid_file: Path) -> None:
    started(Command(["id", "-u"], Path("/"), user=processes.User(65534, 65534)), pid_file)
    assert processes.gone(pid_file, within_s=10)
    assert pid_file.with_suffix(".log").read_text() == "65534\n"
