"""One table, written as CSV, XLSX or JSON, whose texts no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""A spreadsheet that opens a CSV file runs what begins so; some take the wide signs of East Asia for the plain ones."""

Cell = str | float | int | bool | None
Record = Mapping[str, Cell]

_WIDEST = 60
_LONGEST = 32_767
"""Characters that a cell of a workbook can hold."""


def safe_text(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it.

    Examples
    --------
    >>> safe_text("=1+1"), safe_text("cell.png")
    ("'=1+1", 'cell.png')
    """
    return f"'{text}" if text.lstrip(" \xa0\ufeff").startswith(FORMULA_STARTS) else text


def as_csv(records: Iterable[Record], columns: Sequence[str]) -> str:
    """Return records as CSV with a header; missing values are empty.

    Parameters
    ----------
    records : iterable of mapping
        Values by column.
    columns : sequence of str
        In their order.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
    writer.writerow({name: on_one_line(name) for name in columns})
    for record in records:
        writer.writerow({name: on_one_line(value) for name, value in record.items()})
    return stream.getvalue()


def on_one_line(value: Any) -> Any:
    """Return a text safe for a spreadsheet and on one line, as the csv module leaves a carriage return unquoted.

    Anything but a text is returned as it is.
    """
    return _encodable(safe_text(value).replace("\r", " ").replace("\n", " ")) if isinstance(value, str) else value


def _encodable(text: str) -> str:
    """Return text that can be written in UTF-8: names of files need not be any, and Python then keeps odd bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def as_json(records: Iterable[Record], about: Mapping[str, Any]) -> str:
    """Return records as JSON: what they are about, then ``results``."""
    content = {**about, "results": [dict(record) for record in records]}
    return _encodable(json.dumps(content, ensure_ascii=False, indent=1)) + "\n"


def as_workbook(sheets: Mapping[str, tuple[Sequence[str], Iterable[Record]]], about: Mapping[str, Cell]) -> bytes:
    """Return tables as an XLSX workbook: numbers as numbers, texts as texts whatever they begin with.

    Parameters
    ----------
    sheets : mapping of str to (columns, records)
        Tables by the name of their sheet.
    about : mapping of str to cell
        Facts on a sheet *About* at the end.

    Returns
    -------
    bytes
    """
    target = io.BytesIO()
    # No option turns text into anything else: what is written by write_string stays a text.
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "in_memory": True})
    head = book.add_format({"bold": True, "bottom": 1})
    for name, (columns, records) in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(columns):
            sheet.set_column(column, column, min(_WIDEST, max(12, len(title) + 2)))
            sheet.write_string(0, column, title, head)
        for line, record in enumerate(records, start=1):
            for column, title in enumerate(columns):
                _write(sheet, line, column, record.get(title))
        sheet.autofilter(0, 0, max(1, sheet.dim_rowmax or 1), max(0, len(columns) - 1))
    sheet = book.add_worksheet("About")
    sheet.set_column(0, 1, 40)
    for line, (fact, value) in enumerate(about.items()):
        sheet.write_string(line, 0, fact)
        _write(sheet, line, 1, value)
    book.close()
    return target.getvalue()


def _write(sheet: Any, line: int, column: int, value: Cell) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, (int, float)):
        sheet.write_number(line, column, value)
    else:
        sheet.write_string(line, column, _encodable(value[:_LONGEST]))
