"""Parquet files as pyarrow writes them, and what they have to be read as.

    python foreign.py write FOLDER   NAME.parquet of each compression
    python foreign.py check FOLDER   NAME.json, its profile, and NAME.ours, our own file; prints each difference, the exit code is 1 when there is one
"""

import datetime
import decimal
import json
import pathlib
import sys

import pandas
import pyarrow
import pyarrow.parquet

ROWS = 3_000
KINDS = {
    "small": "integer",
    "unsigned": "float",
    "single": "float",
    "price": "float",
    "berlin": "date",
    "nanoseconds": "date",
    "day": "date",
    "flag": "boolean",
    "city": "text",
    "grade": "integer",
    "bytes": "text",
    "clock": "text",
    "iso": "date",
    "number": "integer",
    "nothing": "float",
}


def table():
    every = range(ROWS)
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    moments = [None if at % 11 == 0 else start + datetime.timedelta(minutes=at) for at in every]
    return pyarrow.table(
        {
            "small": pyarrow.array([at % 100 for at in every], pyarrow.int8()),
            "unsigned": pyarrow.array(every, pyarrow.uint64()),
            "single": pyarrow.array([None if at % 7 == 0 else at / 4 for at in every], pyarrow.float32()),
            "price": pyarrow.array([decimal.Decimal(at) / 100 for at in every], pyarrow.decimal128(12, 2)),
            "berlin": pyarrow.array(moments, pyarrow.timestamp("us", "Europe/Berlin")),
            "nanoseconds": pyarrow.array(moments, pyarrow.timestamp("ns", "UTC")),
            "day": pyarrow.array([start.date() + datetime.timedelta(days=at) for at in every]),
            "flag": pyarrow.array([None if at % 5 == 0 else at % 2 == 0 for at in every]),
            "city": pyarrow.array([["Oslo", None, "東京"][at % 3] for at in every]).dictionary_encode(),
            "grade": pyarrow.array([10 * (at % 4) for at in every]).dictionary_encode(),
            "bytes": pyarrow.array([b"ab%d" % (at % 9) for at in every], pyarrow.binary()),
            "clock": pyarrow.array([datetime.time(at % 24, at % 60) for at in every], pyarrow.time64("us")),
            "iso": pyarrow.array([f"2024-01-{1 + at % 28:02}" for at in every], pyarrow.large_string()),
            "number": pyarrow.array(["NA" if at % 10 == 0 else f" {at} " for at in every]),
            "nothing": pyarrow.nulls(ROWS),
        }
    )


def meant(name, column):
    """A column of the file as we keep it."""
    values = column.to_pandas()
    if KINDS[name] == "date":
        moments = pandas.to_datetime(values, utc=True).dt.tz_localize(None)
        return moments.astype("datetime64[us]")
    if KINDS[name] in ("integer", "float"):
        return pandas.to_numeric(values.astype(str).str.strip().replace({"NA": None, "None": None, "nan": None}).astype(object))
    if name == "bytes":
        return values.map(bytes.decode)
    return values.map(str) if name == "clock" else values


def differences(profile, ours):
    for column in profile["columns"]:
        name = column["name"]
        expected, stored = meant(name, table()[name]), ours[name].to_pandas()
        if column["kind"] != KINDS[name]:
            yield f"{name}: {column['kind']} instead of {KINDS[name]}"
        elif column["missing"] != int(expected.isna().sum()) or column["unique"] != expected.nunique():
            yield f"{name}: {column['missing']} missing, {column['unique']} distinct"
        elif stored.dropna().tolist() != expected.dropna().tolist() or not (stored.isna() == expected.isna()).all():
            yield f"{name}: {stored.tolist()[:5]} instead of {expected.tolist()[:5]}"


command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if command == "write":
    for compression in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
        pyarrow.parquet.write_table(table(), folder / f"{compression}.parquet", compression=compression, row_group_size=1_000)
else:
    found = []
    for path in sorted(folder.glob("*.json")):
        profile = json.loads(path.read_text())
        if profile["read_as"]["format"] != "parquet" or [column["name"] for column in profile["columns"]] != list(KINDS):
            found.append(f"{path.stem}: {profile['read_as']}")
        found += [f"{path.stem}.{difference}" for difference in differences(profile, pyarrow.parquet.read_table(path.with_suffix(".ours")))]
    print("\n".join(found[:50]))
    sys.exit(1 if found else 0)
