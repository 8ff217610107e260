"""LightGBM on the inputs that our boosting sees, with the same parameters: predictions as CSV; prints the seconds of binning and boosting.

    python peer.py FOLDER PROBLEM NUM_LEAVES LEARNING_RATE MIN_DATA_IN_LEAF ROUNDS THREADS SEED

FOLDER is what ours wrote; `peer.csv` is written there.
"""

import json
import os
import sys
import time

import lightgbm
import numpy

folder, problem, leaves, rate, fewest, rounds, threads, seed = sys.argv[1:]
with open(os.path.join(folder, "inputs.json")) as file:
    about = json.load(file)
codes, labels = about["codes"], about["labels"]


def inputs(name):
    return numpy.fromfile(os.path.join(folder, name), dtype="<f4").reshape(-1, len(codes))


train, test, target = inputs("train.f32"), inputs("test.f32"), numpy.fromfile(os.path.join(folder, "target.f64"), dtype="<f8")
parameters = {
    "objective": {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[problem],
    "num_leaves": int(leaves),
    "learning_rate": float(rate),
    "min_data_in_leaf": int(fewest),
    "max_bin": 255,
    "num_threads": int(threads),
    "seed": int(seed),
    "verbose": -1,
}
if problem == "multiclass":
    parameters["num_class"] = len(labels)
categorical = [position for position, is_code in enumerate(codes) if is_code]

start = time.perf_counter()
data = lightgbm.Dataset(train, target, categorical_feature=categorical, params=parameters).construct()
model = lightgbm.train(parameters, data, num_boost_round=int(rounds))
seconds = time.perf_counter() - start

predicted = model.predict(test, num_threads=int(threads))
with open(os.path.join(folder, "peer.csv"), "w") as out:
    if problem == "regression":
        print("prediction", *(repr(float(value)) for value in predicted), sep="\n", file=out)
    else:
        if problem == "binary":
            predicted = numpy.column_stack([1 - predicted, predicted])
        print(",".join(["prediction"] + [f"probability_{label}" for label in labels]), file=out)
        for row in predicted:
            print(",".join([labels[int(row.argmax())]] + [repr(float(value)) for value in row]), file=out)
print(seconds)
