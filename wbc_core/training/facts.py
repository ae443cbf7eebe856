"""What cards say about the shared data sets and the eight-type task, beyond what a run can measure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wbc_core.biology.statements import RESEARCH_USE

LICENCE = (
    "MIT. Trained on PBC (CC BY 4.0, Acevedo et al. 2020), Raabin-WBC (free for any use, Kouzehkanan et al. 2022) and "
    "Kaggle Blood Cell Images (MIT); first weights EfficientNet-Lite0 (Apache-2.0)."
)

INTENDED_USE = f"Naming single, stained cells of peripheral blood films in research and teaching. {RESEARCH_USE}"

SPLITS: Mapping[str, str] = MappingProxyType(
    {
        "pbc": "by picture, near duplicates kept together; the published set names no donors, so that cells of one "
        "donor or slide can stand in training and test: the figure is optimistic for a new patient",
        "raabin": "by slide, as the publishers parted Train from TestA; 49 test pictures of four types, no basophil",
        "kaggle": "the publishers' TEST folder, made from other original fields than TRAIN; same laboratory",
    }
)

NEVER_SEEN: tuple[str, ...] = (
    "blasts of any lineage, lymphoma cells, plasma cells",
    "reactive lymphocytes and other pathology as classes of their own",
    "parasites, bacteria, smudge cells and artefacts",
    "bone marrow, and stains outside the Romanowsky family",
    "children, and any disease: the donors of the largest set were healthy by their laboratory's account",
)

LIMITS: tuple[str, ...] = (
    "It answers with one of its eight types whatever it is shown: another cell gets a wrong name.",
    "Bands and segmented neutrophils are one class; so are promyelocytes, myelocytes and metamyelocytes.",
    "Confidence is calibrated on validation pictures of one laboratory; elsewhere it can be too high.",
    "The labels of the Kaggle set are noisy: some of its pictures show no leukocyte at all.",
)
