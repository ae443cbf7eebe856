"""What becomes of pictures, names and results on this server, in sentences that tests hold to be true."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from wbc_core.services.access import is_public, login_required, training_offered
from wbc_core.services.doctor import IN_MEMORY, file_system
from wbc_core.settings import settings


@dataclass(frozen=True)
class Statement:
    """One promise.

    Attributes
    ----------
    code : str
        By which a test finds it.
    text : str
        One or two sentences for the visitor.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Chapter:
    """Promises on one subject."""

    title: str
    icon: str
    statements: tuple[Statement, ...]


def privacy_chapters() -> tuple[Chapter, ...]:
    """Return what is true on this server, for this visitor."""
    return (
        Chapter("Your pictures", "image", _pictures()),
        Chapter("Results and file names", "description", _results()),
        Chapter("Who can see them", "visibility", _who()),
        Chapter("Logs, cookies, other servers", "receipt_long", _traces()),
        Chapter("How to delete", "delete", _deletion()),
    )


def uploads_in_memory() -> bool:
    """Return whether the folder of arriving uploads lies in memory."""
    return file_system(Path(tempfile.gettempdir())) in IN_MEMORY


def _pictures() -> tuple[Statement, ...]:
    arrival = (
        "A file of more than 1 MB arrives in a temporary folder, which lies in the server's memory and on no disk."
        if uploads_in_memory()
        else "A file of more than 1 MB arrives in a temporary file of the server, which has no name and is gone when it"
        " has arrived; the folder lies on a disk here."
    )
    return (
        Statement("memory", "What you hand in stays in the server's memory. This app writes no picture to a disk."),
        Statement("arrival", arrival),
        Statement(
            "how_long",
            "A single picture is let go when you remove it, hand in another, or two minutes after you leave. Pictures"
            " of a batch and of fields are let go an hour after their end at the latest.",
        ),
        Statement(
            "exif",
            "What a camera or phone writes beside the pixels (place, time, device) is not shown, kept or exported. Only"
            " which side is up and a stated scale are read.",
        ),
        Statement("training", "No model learns from what you hand in."),
    )


def _results() -> tuple[Statement, ...]:
    if is_public():
        batch = Statement(
            "batch_public",
            "File names, results and corrections of a batch stay in memory for an hour after its end. They are gone"
            " when the server restarts.",
        )
    else:
        batch = Statement(
            "batch_kept",
            "File names and results of a batch, and what a person called its cells instead, are kept on the server's"
            f" disk for {settings().batch_days:g} days, or until you delete it. Who called them so is not.",
        )
    return (
        batch,
        Statement(
            "single_kept_nowhere",
            "Results of a single picture, and of fields with their corrections, are kept in memory like the pictures,"
            " and nowhere else.",
        ),
        Statement(
            "no_patient_data",
            "Give files no names of patients: a name that you give stands in the results and in what you download.",
        ),
    )


def _who() -> tuple[Statement, ...]:
    address = Statement(
        "address",
        "Whoever has the address of your batch or of your fields can open it until it is deleted. The address holds a"
        " random number that cannot be guessed.",
    )
    if not login_required():
        return (address,)
    return (
        address,
        Statement(
            "login", "Nobody opens a page here without logging in; a batch takes the role technician or a higher one."
        ),
    )


def _traces() -> tuple[Statement, ...]:
    found = [
        Statement(
            "logs",
            "The app's log tells of starts and faults. It holds no pictures, no file names and no results.",
        ),
        Statement(
            "proxy",
            "A proxy or a host before the app may keep a log of its own, with your network address and the time.",
        ),
    ]
    if login_required():
        hours = settings().login_hours
        ends = f"ends after {hours:g} hours" if hours else "ends when your identity provider says so"
        found.append(
            Statement(
                "login_cookie",
                "Your login is a signed cookie in your browser with what your identity provider says of you (name,"
                f" address, roles). It {ends}; the server keeps no list of people.",
            )
        )
    else:
        found.append(Statement("cookie", "One cookie guards against forged requests. It does not say who you are."))
    found.append(
        Statement("foreign", "Your browser loads nothing from other servers, and no figures of use are sent anywhere.")
    )
    return tuple(found)


def _deletion() -> tuple[Statement, ...]:
    found = [
        Statement("delete_single", "Single image: the cross beside the file's name lets the picture go."),
        Statement(
            "delete_batch",
            "Batch: *Delete this batch* removes results, corrections and file names from the disk, pictures from"
            " memory.",
        )
        if not is_public()
        else Statement(
            "delete_batch_public", "Batch: *Delete this batch* removes pictures, results and file names from memory."
        ),
        Statement("delete_fields", "Fields: *Forget these fields* removes pictures and results from memory."),
    ]
    if training_offered():
        found.append(
            Statement(
                "jobs",
                "Training jobs stay in a database with their recipes, which hold no pictures and no names of files."
                " What is deleted there is overwritten (SQLite).",
            )
        )
    if not is_public():
        found.append(Statement("backups", "Copies that the administrator made of the disk are not reached by this."))
    return tuple(found)
