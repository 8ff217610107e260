"""Writes a table of about the given number of megabytes: numbers, categories, text, dates and missing cells. The same every time."""

import sys

import numpy
import polars

BLOCK = 500_000
BYTES_PER_ROW = 77

megabytes, path = int(sys.argv[1]), sys.argv[2]
rows = megabytes * 1_000_000 // BYTES_PER_ROW
random = numpy.random.default_rng(1)
words = numpy.array([f"word{number}" for number in range(5_000)])
cities = ["Oslo", "Berlin", "São Paulo", "New York", "東京", "Paris", "Lima"]
with open(path, "wb") as out:
    for start in range(0, rows, BLOCK):
        n = min(BLOCK, rows - start)
        block = polars.DataFrame(
            {
                "id": numpy.arange(start, start + n),
                "amount": numpy.round(random.gamma(2, 1_000, size=n), 2),
                "ratio": numpy.round(random.normal(size=n), 6),
                "count": random.poisson(7, size=n),
                "city": random.choice(cities, size=n),
                "plan": random.choice(["basic", "plus", "pro"], size=n, p=[0.6, 0.3, 0.1]),
                "note": numpy.char.add(numpy.char.add(random.choice(words, size=n), " "), random.choice(words, size=n)),
                "day": numpy.datetime64("2015-01-01") + random.integers(0, 3_650, size=n).astype("timedelta64[D]"),
                "flag": random.choice(["True", "False"], size=n, p=[0.3, 0.7]),
                "score": numpy.round(random.random(size=n) * 100, 1),
            }
        )
        hidden = {name: polars.Series(random.random(size=n) < share) for name, share in [("amount", 0.05), ("city", 0.1)]}
        block = block.with_columns(
            polars.when(mask).then(None).otherwise(polars.col(name)).alias(name) for name, mask in hidden.items()
        )
        out.write(block.write_csv(include_header=start == 0).encode())
