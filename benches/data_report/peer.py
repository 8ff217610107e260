"""ydata-profiling's report of a table in its minimal mode, with its progress bars off."""

import sys

import pandas
from ydata_profiling import ProfileReport

table, out = sys.argv[1:3]
ProfileReport(pandas.read_csv(table), minimal=True, progress_bar=False).to_file(out, silent=True)
