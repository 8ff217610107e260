"""Compares profiles and Parquet files with what pandas, pyarrow and DuckDB make of the same tables.

    python peers.py FOLDER

FOLDER has for each table NAME.csv (or a line with its path in NAME.path), NAME.json, its profile, and NAME.parquet. Prints each
difference; the exit code is 1 when there is one.
"""

import json
import math
import pathlib
import re
import sys

import duckdb
import numpy
import pandas
import pyarrow.parquet

differences = []


def compare(where, ours, theirs, tolerance=0.0):
    if isinstance(ours, float) or isinstance(theirs, float):
        same = math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(theirs) and ours == 0)
    else:
        same = ours == theirs
    if not same:
        differences.append(f"{where}: ours {ours!r}, theirs {theirs!r}")


def kind_of(column):
    present = column.dropna()
    if present.empty or pandas.api.types.is_float_dtype(column):
        whole = not present.empty and len(present) < len(column) and (present == present.round()).all()
        return {"float", "integer"} if whole else {"float"}
    if pandas.api.types.is_bool_dtype(column) or present.map(lambda value: isinstance(value, bool)).all():
        return {"boolean"}
    return {"integer"} if pandas.api.types.is_integer_dtype(column) else {"text"}


def statistics(where, ours, column):
    values = column.dropna().astype(float)
    finite = values[numpy.isfinite(values)]
    compare(f"{where} infinite", ours["infinite"], len(values) - len(finite))
    figures = {"min": finite.min(), "max": finite.max(), "mean": finite.mean(), "zeros": int((finite == 0).sum()), "negatives": int((finite < 0).sum())}
    distinct = sorted(set(finite))
    for end, values in [("smallest", distinct[:5]), ("largest", distinct[::-1][:5])]:
        compare(f"{where} {end}", ours[end], [float(value) for value in values])
    if ours["quantiles_exact"]:
        figures |= {name: finite.quantile(share) for name, share in [("q05", 0.05), ("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("q95", 0.95)]}
        spread = 1.5 * (figures["q75"] - figures["q25"])
        figures["outliers"] = int(((finite < figures["q25"] - spread) | (finite > figures["q75"] + spread)).sum())
    if len(finite) > 1:
        figures["std"] = finite.std()
    # Beyond that, the figures of nearly constant columns are noise in either.
    if len(finite) > 3 and finite.std() > 1e-6 * max(abs(finite.mean()), 1e-300):
        figures |= {"skewness": finite.skew(), "kurtosis": finite.kurt()}
    for name, value in figures.items():
        compare(f"{where} {name}", ours[name], value if isinstance(value, int) else float(value), 1e-9)


def as_number(cells):
    """What people write, by what they mean: the last separator is the decimal one, unless it stands before three digits and another did."""

    def value(cell):
        if not isinstance(cell, str):
            return math.nan
        digits = re.sub(r"[^0-9.,']", "", cell)
        whole, point, decimals = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", digits).groups()
        number = float(re.sub(r"[.,']", "", whole) + (f".{decimals}" if point else ""))
        return -number if "-" in cell else number

    return cells.map(value)


DATES = {"2024-12-31": "ISO8601", "12/31/2024": "%m/%d/%Y %H:%M", "31/12/2024": "%d.%m.%Y", "31 Dec 2024": "%d %b %Y"}


def check_formatted(where, ours, theirs, stored):
    """What pandas leaves as text, read as it is meant."""
    written = ours["written_as"]
    compare(f"{where} missing", ours["missing"], int(theirs.isna().sum()))
    if ours["kind"] == "date":
        meant = pandas.to_datetime(theirs, format=DATES[re.match(r"dates like (.*?)(;|$)", written)[1]])
        if meant.dt.tz is not None:
            meant = meant.dt.tz_convert(None)
        compare(f"{where} first", pandas.Timestamp(ours["dates"]["min"]), meant.min())
        compare(f"{where} last", pandas.Timestamp(ours["dates"]["max"]), meant.max())
        steps = pandas.Series(meant.dropna().unique()).sort_values().diff().dropna().dt.total_seconds().sort_values(ignore_index=True)
        usual = steps[len(steps) // 2]
        compare(f"{where} longest step", ours["dates"]["largest_gap_seconds"], steps.max(), 1e-9)
        compare(f"{where} usual step", ours["dates"]["usual_step_seconds"], usual, 1e-9)
        compare(f"{where} gaps", ours["dates"]["gaps"], int((steps > 2 * usual).sum()))
        compare(f"{where} timeline", sum(bar["count"] for bar in ours["dates"]["timeline"]), float(meant.notna().sum()), 1e-4)
    elif ours["digits_only"]:
        meant = theirs
    else:
        meant = as_number(theirs)
        statistics(where, ours["numeric"], meant)
    compare(f"{where} unique", ours["unique"], meant.nunique())
    compare(f"{where} stored", stored.dropna().tolist(), meant.dropna().tolist())


def check_file(name, profile, parquet):
    """The file's own form: kinds in its metadata, compression, dictionaries, row groups."""
    file = pyarrow.parquet.ParquetFile(parquet)
    kinds = [[column["name"], column["kind"]] for column in profile["columns"]]
    compare(f"{name} kinds", json.loads(file.metadata.metadata[b"column_kinds"]), kinds)
    of_duckdb = duckdb.sql(f"select value from parquet_kv_metadata('{parquet}') where key = 'column_kinds'::blob").fetchall()
    compare(f"{name} duckdb kinds", json.loads(of_duckdb[0][0]), kinds)
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    compare(f"{name} rows of groups", sum(group.num_rows for group in groups), profile["rows"])
    if any(group.num_rows > 1_500_000 for group in groups) or len(groups) > 1 + profile["rows"] // 100_000:
        differences.append(f"{name}: row groups of {[group.num_rows for group in groups]} rows")
    for group in groups:
        for at, column in enumerate(profile["columns"]):
            chunk = group.column(at)
            expected = "UNCOMPRESSED" if column["kind"] in ("integer", "date") else "ZSTD"
            compare(f"{name}.{column['name']} compression", chunk.compression, expected)
            repeats = column["kind"] == "text" and 4 * column["unique"] < min(profile["rows"], 2_000)
            if repeats and "RLE_DICTIONARY" not in chunk.encodings:
                differences.append(f"{name}.{column['name']}: no dictionary, {chunk.encodings}")


def lengths(where, ours, theirs):
    characters = theirs.dropna().astype(str).str.len()
    compare(f"{where} shortest", ours["min_characters"], int(characters.min()))
    compare(f"{where} longest", ours["max_characters"], int(characters.max()))
    compare(f"{where} mean length", ours["mean_characters"], float(characters.mean()), 1e-9)


def cramers_v(one, other):
    """With Bergsma's correction (2013)."""
    counts = pandas.crosstab(one, other).to_numpy().astype(float)
    n, (rows, columns) = counts.sum(), counts.shape
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    phi = max(0.0, ((counts - expected) ** 2 / expected).sum() / n - (rows - 1) * (columns - 1) / (n - 1))
    rows, columns = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    return math.sqrt(phi / min(rows - 1, columns - 1))


def correlation_ratio(number, category):
    groups = number.groupby(category)
    between = (groups.size() * (groups.mean() - number[category.notna()].mean()) ** 2).sum()
    return math.sqrt(between / ((number[category.notna()] - number[category.notna()].mean()) ** 2).sum())


def check(name, path, profile, parquet):
    check_file(name, profile, parquet)
    delimiter = profile["read_as"]["delimiter"]
    table = pandas.read_csv(path, sep=delimiter, dtype={column["name"]: str for column in profile["columns"] if column["digits_only"]})
    compare(f"{name} columns", [column["name"] for column in profile["columns"]], list(table.columns))
    compare(f"{name} rows", profile["rows"], len(table))
    read, plain = pyarrow.parquet.read_table(parquet), []
    compare(f"{name} pyarrow rows", len(table), read.num_rows)
    compare(f"{name} duckdb rows", len(table), duckdb.sql(f"select count(*) from '{parquet}'").fetchall()[0][0])
    for column in profile["columns"]:
        where, theirs = f"{name}.{column['name']}", table[column["name"]]
        stored = read[column["name"]].to_pandas()
        if column["bad"]["count"] > 0 or (column["written_as"] or "").startswith("whole numbers"):
            # What pandas leaves as text, with cells that mean nothing.
            continue
        if column["written_as"] is not None:
            check_formatted(where, column, theirs, stored)
            continue
        if column["kind"] in ("integer", "float") and kind_of(theirs) == {"text"}:
            # Blanks among numbers are no values to us, and make text of the column to pandas.
            theirs = table[column["name"]] = pandas.to_numeric(theirs.str.strip().replace("", None), errors="raise")
        if column["kind"] not in kind_of(theirs):
            differences.append(f"{where}: ours {column['kind']}, pandas {theirs.dtype}")
            continue
        plain.append(column)
        compare(f"{where} missing", column["missing"], int(theirs.isna().sum()))
        compare(f"{where} stored missing", int(stored.isna().sum()), int(theirs.isna().sum()))
        if column["unique_exact"]:
            compare(f"{where} unique", column["unique"], theirs.nunique())
        if column["numeric"]:
            statistics(where, column["numeric"], theirs)
            quoted = '"' + column["name"].replace('"', '""') + '"'
            least, most = duckdb.sql(f"select min({quoted}), max({quoted}) from '{parquet}'").fetchall()[0]
            compare(f"{where} duckdb min", float(least), float(theirs.min()), 1e-12)
            compare(f"{where} duckdb max", float(most), float(theirs.max()), 1e-12)
        elif column["kind"] == "text":
            lengths(where, column["text"], theirs)
            compare(f"{where} texts", stored.dropna().astype(str).tolist(), theirs.dropna().astype(str).tolist())
        for top in column["top_values"][:3]:
            if column["kind"] == "text":
                compare(f"{where} count of {top['value']!r}", top["count"], int((theirs == top["value"]).sum()))
    if len(plain) == len(profile["columns"]) and profile["duplicate_rows_exact"]:
        compare(f"{name} duplicate rows", profile["duplicate_rows"], int(table.duplicated().sum()))
    complete = {column["name"] for column in plain if column["numeric"] and column["missing"] == 0 and column["numeric"]["infinite"] == 0}
    known = {column["name"] for column in plain if column["missing"] == 0}
    if len(table) <= 20_000:
        for pair in profile["associations"]:
            if pair["measure"] == "pearson" and {pair["one"], pair["other"]} <= complete:
                one, other = table[pair["one"]].astype(float), table[pair["other"]].astype(float)
                compare(f"{name} r of {pair['one']} and {pair['other']}", pair["value"], one.corr(other), 1e-9)
                compare(f"{name} rho of {pair['one']} and {pair['other']}", pair["spearman"], one.rank().corr(other.rank()), 1e-9)
            elif pair["measure"] == "cramers_v" and {pair["one"], pair["other"]} <= known:
                compare(f"{name} V of {pair['one']} and {pair['other']}", pair["value"], cramers_v(table[pair["one"]], table[pair["other"]]), 1e-9)
            elif pair["measure"] == "correlation_ratio" and {pair["one"], pair["other"]} <= known:
                number, category = (pair["one"], pair["other"]) if pair["one"] in complete else (pair["other"], pair["one"])
                if number in complete:
                    eta = correlation_ratio(table[number].astype(float), table[category])
                    compare(f"{name} eta of {pair['one']} and {pair['other']}", pair["value"], eta, 1e-9)


folder = pathlib.Path(sys.argv[1])
for profile in sorted(folder.glob("*.json")):
    path, named = profile.with_suffix(".csv"), profile.with_suffix(".path")
    check(profile.stem, named.read_text() if named.exists() else path, json.loads(profile.read_text()), profile.with_suffix(".parquet"))
print("\n".join(differences[:100]))
sys.exit(1 if differences else 0)
