"""What the rows of a comparison say: for each seed and peer on how many tables ours is better, where it is clearly worse, the log loss of
two labels, the time and the memory.

    python summary.py target/bench/automl.json

A table on which ours failed is lost; one on which only the peer failed is won.
"""

import json
import sys

# Tables with more training rows than this must not be lost by more than this share.
MANY_ROWS = 5_000
MUCH_WORSE = 1.01


def ratio(mine, theirs):
    """Ours by theirs, both errors; none where that says nothing."""
    if mine is None or theirs is None:
        return None
    return mine / theirs if theirs else (1.0 if mine == theirs else None)


def limit(budget):
    """Seconds that a whole training may take."""
    return budget * 1.02 + 10


def told(rows):
    lines = []
    for seed in sorted({row["seed"] for row in rows}):
        for peer in dict.fromkeys(row["peer_name"] for row in rows):
            lines += about(f"seed {seed}, {peer}: ", [row for row in rows if row["seed"] == seed and row["peer_name"] == peer])
    return "\n".join(lines)


def about(head, rows):
    def of(metric):
        return [row for row in rows if row["metric"] == metric]

    deciding = [row for row in rows if row["decides"]]
    worse = [row for row in deciding if row["training_rows"] > MANY_ROWS and much_worse(row)]
    losses = [row for row in of("log loss") if not row["decides"]]
    slow = [row for row in of("wall time") if row["ours"] is not None and row["ours"] > limit(row["budget"])]
    failed = [row for row in deciding if row["ours"] is None]
    yield f"{head}better on {won(deciding)}"
    yield f"{head}over {MANY_ROWS:,} training rows and more than 1 % worse: {listed(map(named, worse))}"
    if losses:
        yield f"{head}log loss of two labels better on {won(losses)}"
    yield f"{head}over the budget: {listed(timed(row) for row in slow)}"
    yield f"{head}less memory on {won(of('peak memory'))}; MB ours/theirs: {listed(map(weighed, of('peak memory')))}"
    if failed:
        yield f"{head}ours failed on {listed(row['case'] for row in failed)}"


def better(row):
    return row["ours"] is not None and (row["peer"] is None or row["ours"] < row["peer"])


def much_worse(row):
    return row["ours"] is None or (row["peer"] is not None and row["ours"] > MUCH_WORSE * row["peer"])


def won(rows):
    lost = [named(row) for row in rows if not better(row)]
    return f"{len(rows) - len(lost)} of {len(rows)}" + (f", not on {listed(lost)}" if lost else "")


def listed(texts):
    return ", ".join(texts) or "none"


def named(row):
    return row["case"] + ("" if row["ratio"] is None else f" ({100 * (row['ratio'] - 1):+.1f} %)")


def timed(row):
    return f"{row['case']} {row['ours']:.1f} s of {limit(row['budget']):.1f} s"


def weighed(row):
    return f"{row['case']} " + "/".join("–" if value is None else f"{value:.0f}" for value in (row["ours"], row["peer"]))


if __name__ == "__main__":
    print(told(json.load(open(sys.argv[1]))))
