"""One peer's reading of a table: `polars` writes it as Parquet, `pandas` only reads it. Prints seconds and peak megabytes."""

import resource
import sys
import time

peer, path, out = sys.argv[1:4]
if peer == "polars":
    import polars

    start = time.perf_counter()
    polars.scan_csv(path).sink_parquet(out)
else:
    import pandas

    start = time.perf_counter()
    pandas.read_csv(path)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
