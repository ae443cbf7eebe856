"""Fixed sentences that pages, reports and commands show word for word."""

RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."
"""Stands on every result, report and export."""

PURPOSE = "Names the type of a stained blood cell from its picture and says how sure it is."

BLIND_SPOTS = (
    "It knows eight cell types of ordinary blood. Blasts, reactive lymphocytes, plasma cells, parasites and artefacts"
    " are not among them: it can only call them something else or leave them unidentified."
)

BONE_MARROW_STUDY = (
    "Research study on bone marrow, not a test for leukaemia and not for blood smears. It parts lymphoblasts of acute"
    " lymphoblastic leukaemia from normal B precursors in pictures of single cells cut out on black (C-NMC 2019). The"
    " two look so alike that only the immunophenotype decides."
)

NO_PATIENT_DATA = "Upload nothing that identifies a patient: no name, number or date in the picture or its file name."

ADULTS_ONLY = (
    "Ranges are for adults, not for children or pregnancy; neutrophils run lower in people with the Duffy-null"
    " phenotype. A laboratory's own ranges take precedence."
)
