#!/usr/bin/env python3
"""What exported tables say when other software reads them: Python's csv, openpyxl and pyarrow.

usage: tables.py FOLDER

FOLDER holds TABLE.csv and TABLE.parquet of one period, and all.xlsx with a sheet for each. Every
cell must say the same in all three, and every total of the workbook must be what its formula
computes. Prints {TABLE: {"rows": N, "csv": USD, "parquet": USD, "xlsx": USD}}, the sums of the
table's column of costs as each format has them; a table without one has rows alone.
"""
import csv
import json
import pathlib
import re
import sys
from datetime import date, datetime, timezone
from decimal import Decimal

import openpyxl
import pyarrow.parquet

COST = {"costs": "amount_usd", "focus": "x_LedgerAmount", "quota": None}
BEHIND_A_GUARD = re.compile(r"'+\s*[=+\-@＝＋－＠]|'+[\t\r\n]")


def text_of(cell):
    """A CSV cell without the apostrophe that keeps a spreadsheet from computing it."""
    return cell[1:] if BEHIND_A_GUARD.match(cell) else cell


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def same_in_csv(cell, value):
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, str):
        return text_of(cell) == value
    if isinstance(value, (Decimal, int)):
        return Decimal(cell) == value
    if isinstance(value, datetime):
        # Parquet keeps microseconds.
        return instant(cell[:26].rstrip("Z") + "Z" if "." in cell else cell) == value
    if isinstance(value, date):
        return cell == value.isoformat()
    return float(cell) == value


def same_in_xlsx(cell, value):
    if value is None or value == "":
        return cell is None
    if isinstance(value, bool) or isinstance(value, str):
        return cell == value and type(cell) is type(value)
    if isinstance(value, (Decimal, float, int)):
        return float(cell) == float(value)
    if isinstance(value, datetime):
        return abs((cell.replace(tzinfo=timezone.utc) - value).total_seconds()) < 1
    return cell.date() == value


def recomputed(formula, column_of):
    """The value of =SUM(X2:X9), or of that divided by a thousand million, in binary floats."""
    match = re.fullmatch(r"=SUM\(([A-Z]+)2:\1(\d+)\)(/1000000000)?", formula)
    assert match, formula
    total = 0.0
    for cell in column_of(match[1], int(match[2])):
        total += cell or 0
    return total / 1e9 if match[3] else total


def check_totals(name, formulas, rows):
    """Every formula of the last line has the result that it computes. Returns {header: result}.
    `formulas` is that line with its formulas; `rows` is the sheet with their results."""
    last = len(rows)
    columns = {openpyxl.utils.get_column_letter(at + 1): at for at in range(len(rows[0]))}
    cells = {}

    def column_of(letters, until):
        assert until == max(last - 1, 2), (name, until, last)
        return (row[columns[letters]] for row in rows[1:until] if row is not rows[-1])

    for header, formula, result in zip(rows[0], formulas, rows[-1]):
        if isinstance(formula, str) and formula.startswith("="):
            computed = recomputed(formula, column_of)
            assert computed == result, (name, header, computed, result)
            cells[header] = result
    return cells


def check_table(folder, name, formulas, values):
    table = pyarrow.parquet.read_table(folder / f"{name}.parquet")
    columns = table.schema.names
    with open(folder / f"{name}.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert rows[0] == columns, name
    sheet = list(values.iter_rows(values_only=True))
    assert list(sheet[0][:len(columns)]) == columns, name
    assert values.freeze_panes == "A2", name
    assert values.auto_filter.ref.startswith("A1:"), name
    assert len(sheet) == len(rows) + 1 and len(rows) == table.num_rows + 1, name
    for number, (row, record, cells) in enumerate(zip(rows[1:], table.to_pylist(), sheet[1:])):
        for at, column in enumerate(columns):
            value = record[column]
            place = (name, number, column, value)
            assert same_in_csv(row[at], value), (place, row[at])
            assert same_in_xlsx(cells[at], value), (place, cells[at])
    last = formulas.iter_rows(min_row=len(sheet), values_only=True)
    totals = check_totals(name, next(last), sheet)
    cost = COST.get(name, "cost_usd")
    if cost is None:
        return {"rows": table.num_rows}
    at = columns.index(cost)
    exact = re.sub("_usd$", "", cost) + "_nanousd"
    nanos = Decimal(totals[exact])
    # A float has 15 digits that can be trusted; so many show the same dollars.
    assert abs(Decimal(repr(float(totals[cost]))) - nanos / 10**9) < Decimal("1e-9"), (name, totals)
    return {
        "rows": table.num_rows,
        "csv": str(sum(Decimal(row[at]) for row in rows[1:] if row[at])),
        "parquet": str(sum(v for v in table[cost].to_pylist() if v is not None)),
        "xlsx": str(nanos / 10**9),
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    # In passing: only their last lines are of interest.
    formulas = openpyxl.load_workbook(folder / "all.xlsx", read_only=True)
    values = openpyxl.load_workbook(folder / "all.xlsx", data_only=True)
    names = values.sheetnames
    json.dump({n: check_table(folder, n, formulas[n], values[n]) for n in names}, sys.stdout)


if __name__ == "__main__":
    main()
