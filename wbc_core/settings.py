"""Every knob of the application: its unit, its default and its environment variable (``WBC_`` + the field's name)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Settings read from the environment, for example ``WBC_DATA_DIR=/data``."""

    model_config = SettingsConfigDict(env_prefix="WBC_", frozen=True)

    data_dir: Path = Field(
        ROOT.parent / "shared" / "data", description="Folder of the labelled image sets (pbc, raabin, kaggle)."
    )
    weights_dir: Path = Field(
        ROOT.parent / "shared" / "weights", description="Folder of the ImageNet-pretrained backbones."
    )
    models_dir: Path = Field(ROOT / "models", description="Folder of the model cards and files.")
    runs_dir: Path = Field(ROOT / "runs", description="Folder of training runs.")
    cache_dir: Path = Field(ROOT / ".cache", description="Folder of decoded images kept as uint8 arrays.")
    default_model: str = Field("wbc8-lite0", description="Model used where none is named.")
    max_upload_mb: int = Field(25, ge=1, description="Largest image file in MB (10⁶ bytes).")
    max_megapixels: float = Field(
        50.0, gt=0, description="Largest image in millions of pixels, checked before decoding."
    )
    inference_threads: int = Field(2, ge=1, description="Threads of one ONNX Runtime session.")
    batch_size: int = Field(8, ge=1, description="Images per inference call.")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
