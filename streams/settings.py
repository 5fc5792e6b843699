"""What a worker can be told, with defaults. Read from the environment (CARILLON_...) at the composition root."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import DEFAULT_PARTITIONS


class WorkerSettings(BaseSettings):
    """Settings of one worker process. Times in seconds."""

    model_config = SettingsConfigDict(env_prefix="CARILLON_", frozen=True)

    partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=2048, description="of every user-keyed topic; never changed once in use")
    chunk: int = Field(250, ge=1, le=10_000, description="users a campaign decides at once")
    aggregates: tuple[str, ...] = Field(("order", "item", "sale", "login"), description="upstream aggregates: topics events.<aggregate>")
    session_timeout: float = Field(30.0, ge=6, description="after so long without a heartbeat the broker gives the partitions away")
    heartbeat: float = Field(3.0, gt=0)
    commit_interval: float = Field(0.5, gt=0)
    worker: str = Field("1", description="stable name of this worker among those of its role: static membership and data folder")
    providers_file: Path | None = Field(None, description="which provider serves which channel; the sandbox's when not given")
    sandbox_url: str = Field("http://127.0.0.1:19110", description="fills ${SANDBOX_URL} in the providers file")

    @property
    def stall_s(self) -> float:
        """How long one batch may take before another worker may own its partition: half a session."""
        return self.session_timeout / 2
