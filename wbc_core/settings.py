"""Every knob of the application: its unit, its default and its environment variable (``WBC_`` + the field's name)."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


def own_place(root: Path = ROOT) -> Path:
    """Return where models lie and results go if nothing else is said: the checkout, or the user's folder of data.

    An installed package has no folder of its own to write to.
    """
    if (root / "app.py").is_file():
        return root
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wbc-core"


PLACE = own_place()

MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108  (a file system in memory, on every Linux)

PUBLIC_LIMITS: Final[dict[str, float]] = {
    "max_upload_mb": 10,
    "max_archive_mb": 50,
    "max_megapixels": 25.0,
    "batch_memory_mb": 500,
}
"""Most that a public server takes, whatever the other settings say."""

PUBLIC_BATCH_DAYS: Final = 1 / 24
"""A public server forgets a batch an hour after its end."""


LOGIN_PARTS: Final = ("login_issuer", "login_client_id", "login_client_secret", "login_cookie_secret")
"""What a login needs, all of it; one of them alone asks for a login already."""


class Settings(BaseSettings):
    """Settings read from the environment, for example ``WBC_DATA_DIR=/data``."""

    model_config = SettingsConfigDict(env_prefix="WBC_", frozen=True)

    mode: Literal["local", "laboratory", "public"] = Field(
        "local",
        description="Who is served: one person at this computer, a laboratory behind its login, or anybody.",
    )
    address: str = Field("127.0.0.1", description="Address that `wbc serve` listens on; 0.0.0.0 for every network.")
    port: int = Field(8501, ge=1, le=65535, description="Port that `wbc serve` listens on.")
    public_address: str = Field("", description="Address of the app itself, shown where another site frames it.")
    public_pictures_per_minute: float = Field(
        30.0, gt=0, description="Pictures a minute that one session of a public server may have classified."
    )
    public_pictures_at_once: int = Field(
        200, ge=1, description="Most pictures that one session of a public server may hand in at once."
    )
    allowed_hosts: str = Field(
        "",
        description="Host names that the server answers to, parted by commas; *.example.org: all below. Any if empty.",
    )
    frame_ancestors: str = Field(
        "", description="Addresses of sites that may show the app in a frame, parted by spaces; only itself if empty."
    )
    data_dir: Path = Field(
        ROOT.parent / "shared" / "data", description="Folder of the labelled image sets (pbc, raabin, kaggle)."
    )
    datasets_dir: Path = Field(PLACE / "data", description="Folder of the data sets imported here.")
    weights_dir: Path = Field(
        ROOT.parent / "shared" / "weights", description="Folder of the ImageNet-pretrained backbones."
    )
    models_dir: Path = Field(PLACE / "models", description="Folder of the model cards and files.")
    runs_dir: Path = Field(PLACE / "runs", description="Folder of training runs.")
    database_url: str = Field(
        "", description="SQLAlchemy URL of the queue of training jobs; SQLite in the folder of runs if empty."
    )
    jobs_worker: bool = Field(True, description="Whether the app starts a worker for training jobs beside itself.")
    ray_address: str = Field(
        "http://127.0.0.1:8265", description="Address of the Ray cluster's job API, for --backend ray."
    )
    ray_cluster: str = Field("auto", description="Address of the Ray cluster that batches run on, for --engine ray.")
    batches_dir: Path = Field(PLACE / "batches", description="Folder of the results of batches; never of pictures.")
    batch_days: float = Field(30.0, gt=0, description="Days after which the results of a batch are deleted.")
    batch_memory_mb: int = Field(2000, ge=10, description="Most MB (10⁶ bytes) of uploaded pictures held at once.")
    batch_root: Path | None = Field(
        None, description="Folder of the server whose pictures the batch page may read; none if not set."
    )
    reference_ranges: Path | None = Field(
        None, description="CSV of the laboratory's own reference ranges with source and approver; built-in if not set."
    )
    differential_target: Literal["100", "200", "2x200"] = Field(
        "100", description="Leukocytes that a differential asks for; 2x200 are two examiners."
    )
    band_rule: Literal["none", "filament", "one_third"] = Field(
        "none", description="Rule by which bands get a line of their own; none: within neutrophils."
    )
    many_smudge_cells: float = Field(
        10.0, gt=0, description="Smudge cells per 100 leukocytes from which on a differential is taken as biased."
    )
    erythroblast_threshold: float = Field(
        0.0, ge=0, description="Erythroblasts per 100 leukocytes from which on the leukocyte count is corrected."
    )
    mlflow_tracking_uri: str = Field("", description="Where runs are tracked in MLflow; nowhere if empty.")
    cache_dir: Path = Field(PLACE / ".cache", description="Folder of decoded images kept as uint8 arrays.")
    default_model: str = Field("wbc8-lite0", description="Model used where none is named.")
    max_upload_mb: int = Field(25, ge=1, description="Largest image file in MB (10⁶ bytes).")
    max_archive_mb: int = Field(500, ge=1, description="Largest zip archive of an upload in MB (10⁶ bytes).")
    max_megapixels: float = Field(
        50.0, gt=0, description="Largest image in millions of pixels, checked before decoding."
    )
    inference_threads: int = Field(2, ge=1, description="Threads of one ONNX Runtime session.")
    batch_size: int = Field(8, ge=1, description="Images per inference call.")
    predictions_at_once: int = Field(
        2, ge=1, description="Predictions at work at once, of all visitors; the others wait in line."
    )
    waiting_pictures: int = Field(
        100, ge=1, description="Most pictures of visitors that may wait in line; further ones are refused."
    )
    login_issuer: str = Field(
        "", description="Address of the OpenID Connect provider of a laboratory; no login if empty."
    )
    login_client_id: str = Field("", description="Name under which the provider knows this app.")
    login_client_secret: SecretStr = Field(SecretStr(""), description="Secret that the provider gave this app.")
    login_cookie_secret: SecretStr = Field(
        SecretStr(""), description="Random characters that sessions are signed with."
    )
    login_hours: float = Field(
        8.0, ge=0, le=168, description="Hours after which a login ends; 0: when the provider's token does."
    )
    login_unknown: Literal["viewer", "refused"] = Field(
        "viewer", description="What somebody is who has logged in and whom no setting names."
    )
    roles_claim: str = Field("roles", description="Claim of the provider that holds roles or groups.")
    administrators: str = Field(
        "administrator", description="E-mail addresses, and values of the claim of roles, parted by commas."
    )
    reviewers: str = Field("reviewer", description="As of administrators.")
    technicians: str = Field("technician", description="As of administrators.")
    secrets_dir: Path | None = Field(
        None, description="Folder of one file for each secret, named after its variable in small letters."
    )
    viewers: str = Field("viewer", description="As of administrators; counts where unknown people are refused.")
    metrics: Literal["off", "loopback", "token"] = Field(
        "loopback", description="Who may read /metrics: nobody, this computer, or who shows WBC_METRICS_TOKEN."
    )
    metrics_token: SecretStr = Field(SecretStr(""), description="Secret of who may read /metrics from elsewhere.")
    log_format: Literal["text", "json"] = Field("text", description="One log line: a sentence, or a JSON object.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least that is logged.")
    log_file_names: bool = Field(
        False, description="Whether the log may name uploaded files, as messages of faults may do."
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once; those of a public server within what the public may do."""
    # A folder of one file for each secret, as container engines mount them; the environment goes before it.
    chosen = Settings(_secrets_dir=os.environ.get("WBC_SECRETS_DIR") or None)
    return as_public(chosen) if chosen.mode == "public" else chosen


def login_asked(chosen: Settings) -> bool:
    """Return whether the settings ask for a login, complete or not."""
    return any(getattr(chosen, name) not in ("", SecretStr("")) for name in LOGIN_PARTS)


def as_public(chosen: Settings) -> Settings:
    """Return the settings of a public server: small uploads, no training, no folders, nothing kept on a disk.

    Results of batches lie in memory, in a folder that is removed with the process.
    """
    kept = memory_folder() / f"wbc-public-{os.getpid()}-{secrets.token_hex(4)}"
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    changes: dict[str, Any] = {
        name: type(getattr(chosen, name))(min(getattr(chosen, name), most)) for name, most in PUBLIC_LIMITS.items()
    }
    changes |= {
        "jobs_worker": False,
        "mlflow_tracking_uri": "",
        "batch_root": None,
        "batches_dir": kept / "batches",
        "batch_days": PUBLIC_BATCH_DAYS,
        "cache_dir": kept / "cache",
        "frame_ancestors": chosen.frame_ancestors or "https://huggingface.co",
        "metrics": "off" if chosen.metrics == "loopback" else chosen.metrics,  # its proxy may be this computer's
        "log_file_names": False,
    }
    return chosen.model_copy(update=changes)


def memory_folder() -> Path:
    """Return the folder for what must not reach a disk: TMPDIR, else a file system in memory where there is one."""
    if "TMPDIR" not in os.environ and os.access(MEMORY_FOLDER, os.W_OK):
        return MEMORY_FOLDER
    return Path(tempfile.gettempdir())
