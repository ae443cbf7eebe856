"""What ALL-IDB1 and ALL-IDB2 share: names ``ImXXX_Y`` and the meaning of Y (Labati et al., ICIP 2011)."""

from __future__ import annotations

import re
from types import MappingProxyType

NAME = re.compile(r"im(\d+)_([01])", re.IGNORECASE)

SOURCE_LABELS = {"1": "blast", "0": "normal"}

MEANINGS = MappingProxyType({"blast": "lymphoblast", "normal": "normal_precursor"})
"""The two labels of the lymphoblast study. The set's normal cells are leukocytes of people without leukaemia, not the
precursors of bone marrow: `NOTE` says so."""

NOTE = (
    "The normal cells of ALL-IDB are leukocytes in the blood of people without leukaemia; they carry the lymphoblast "
    "study's second label."
)
