"""Compares profiles and Parquet files with what pandas, pyarrow and DuckDB make of the same tables.

    python peers.py FOLDER

FOLDER has for each table NAME.csv (or a line with its path in NAME.path), NAME.json, its profile, and NAME.parquet. Prints each
difference; the exit code is 1 when there is one.
"""

import json
import math
import pathlib
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


def check(name, path, profile, parquet):
    table = pandas.read_csv(path)
    compare(f"{name} columns", [column["name"] for column in profile["columns"]], list(table.columns))
    compare(f"{name} rows", profile["rows"], len(table))
    read, plain = pyarrow.parquet.read_table(parquet), []
    compare(f"{name} pyarrow rows", len(table), read.num_rows)
    compare(f"{name} duckdb rows", len(table), duckdb.sql(f"select count(*) from '{parquet}'").fetchall()[0][0])
    for column in profile["columns"]:
        where, theirs = f"{name}.{column['name']}", table[column["name"]]
        formatted = column["written_as"] is not None or column["bad"]["count"] > 0
        stored = read[column["name"]].to_pandas()
        if formatted:
            # What pandas leaves as text.
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
            compare(f"{where} texts", stored.dropna().astype(str).tolist(), theirs.dropna().astype(str).tolist())
        for top in column["top_values"][:3]:
            if column["kind"] == "text":
                compare(f"{where} count of {top['value']!r}", top["count"], int((theirs == top["value"]).sum()))
    if len(plain) == len(profile["columns"]):
        compare(f"{name} duplicate rows", profile["duplicate_rows"], int(table.duplicated().sum()))
    complete = {column["name"] for column in plain if column["numeric"] and column["missing"] == 0 and column["numeric"]["infinite"] == 0}
    if len(table) <= 20_000:
        for pair in profile["associations"]:
            if pair["measure"] == "pearson" and {pair["one"], pair["other"]} <= complete:
                one, other = table[pair["one"]].astype(float), table[pair["other"]].astype(float)
                compare(f"{name} r of {pair['one']} and {pair['other']}", pair["value"], one.corr(other), 1e-9)
                compare(f"{name} rho of {pair['one']} and {pair['other']}", pair["spearman"], one.rank().corr(other.rank()), 1e-9)


folder = pathlib.Path(sys.argv[1])
for profile in sorted(folder.glob("*.json")):
    path, named = profile.with_suffix(".csv"), profile.with_suffix(".path")
    check(profile.stem, named.read_text() if named.exists() else path, json.loads(profile.read_text()), profile.with_suffix(".parquet"))
print("\n".join(differences[:100]))
sys.exit(1 if differences else 0)
