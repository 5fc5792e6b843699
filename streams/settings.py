"""What a worker can be told, with defaults. Read from the environment (CARILLON_...) at the composition root."""

import signal
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import DEFAULT_PARTITIONS, Topic, catalogue
from streams.health.rules import Limits
from streams.step.lease import STALL

LEAVE = signal.SIGUSR2
"""Tells a worker that it will not be back (`streams.leaving`); SIGTERM and SIGINT, that it is restarted."""


class WorkerSettings(BaseSettings):
    """Settings of one worker process. Times in seconds."""

    model_config = SettingsConfigDict(env_prefix="CARILLON_", frozen=True)

    partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=2048, description="of every user-keyed topic; never changed once in use")
    chunk: int = Field(500, ge=1, le=10_000, description="users a campaign decides at once")
    aggregates: tuple[str, ...] = Field(("order", "item", "sale", "login"), description="upstream aggregates: topics events.<aggregate>")
    tables: tuple[str, ...] = Field(("customers", "preferences", "devices"), description="upstream tables: topics cdc.<table>")
    session_timeout: float = Field(30.0, ge=6, description="after so long without a heartbeat the broker gives the partitions away")
    heartbeat: float = Field(1.0, gt=0, description="a worker hears so late that its group rebalances")
    commit_interval: float = Field(0.5, gt=0)
    give_way: bool = Field(True, description="let the urgent go first where all share a machine; false where other programs keep it busy")
    worker: str = Field("1", description="stable name of this worker among those of its role: static membership and data folder")
    providers_file: Path | None = Field(None, description="which provider serves which channel; the sandbox's when not given")
    ca_file: Path | None = Field(None, description="certificates (PEM) that providers' servers may have besides the machine's")
    policy_file: Path | None = Field(None, description="what may be sent to whom; the policy that is shipped when not given")
    urgent_share: float = Field(0.2, gt=0, lt=1, description="of each provider account's limit, the part kept for critical and high ones")
    sandbox_url: str = Field("http://127.0.0.1:19110", description="fills ${SANDBOX_URL} in the providers file")
    health_host: str = Field("127.0.0.1", description="where /healthz and /readyz listen; nobody is asked who they are")
    health_port: int = Field(0, ge=0, le=65535, description="0: any free one; the file <home>/run/<role>-<worker>.health says which")
    watchdog_check: float = Field(5.0, gt=0, description="between two looks")
    watchdog_stuck: float = Field(60.0, gt=0, description="work, but neither a commit nor a sign of life; one and a half sessions at least")
    watchdog_patience: float = Field(1800.0, gt=0, description="signs of life (a slow provider, no registry), but no commit")
    watchdog_recovery: float = Field(600.0, gt=0, description="a partition that does not recover")
    watchdog_detached: float = Field(120.0, gt=0, description="the broker and the worker do not agree on who has which partition")
    watchdog_loop: float = Field(30.0, ge=2, description="the event loop does not turn")

    @property
    def topics(self) -> list[Topic]:
        """Every topic there is, those of upstream's aggregates and tables too."""
        return catalogue(self.aggregates, tables=self.tables)

    @property
    def limits(self) -> Limits:
        """The watchdog's. No legitimate wait is longer than a session and a write (`streams.step.lease`) together."""
        stuck_s = max(self.watchdog_stuck, (1 + STALL) * self.session_timeout)
        return Limits(stuck_s, self.watchdog_patience, self.watchdog_recovery, self.watchdog_detached, gap_s=stuck_s / 2)
