"""Writes a table of 500,000 rows and 20 columns: numbers, whole numbers, categories, a date and a binary target. The same every time."""

import sys

import numpy
import pandas

ROWS = 500_000

random = numpy.random.default_rng(1)
columns = {}
for number in range(10):
    columns[f"number_{number}"] = numpy.round(random.normal(size=ROWS) * 10 ** (number % 4), 3)
for number in range(4):
    columns[f"count_{number}"] = random.integers(0, 10 ** (number + 1), size=ROWS)
for number in range(4):
    columns[f"category_{number}"] = random.choice([f"value {value}" for value in range(4 + 10 * number)], size=ROWS)
columns["day"] = numpy.datetime64("2015-01-01") + random.integers(0, 3_000, size=ROWS).astype("timedelta64[D]")
chance = 1 / (1 + numpy.exp(-columns["number_0"] - columns["count_0"] / 5))
columns["target"] = numpy.where(random.random(ROWS) < chance, "yes", "no")
table = pandas.DataFrame(columns)
table.loc[random.random(ROWS) < 0.05, "number_1"] = numpy.nan
table.loc[random.random(ROWS) < 0.2, "category_2"] = None
table.to_csv(sys.argv[1], index=False)
