"""Every target by its name."""

from __future__ import annotations

from tests.fuzz.engine import Target
from tests.fuzz.model_targets import model_targets
from tests.fuzz.picture_targets import archive_targets, picture_targets
from tests.fuzz.text_targets import recipe_targets, text_targets


def all_targets() -> dict[str, Target]:
    rows = (*picture_targets(), *archive_targets(), *text_targets(), *recipe_targets(), *model_targets())
    return {target.name: target for target in rows}
