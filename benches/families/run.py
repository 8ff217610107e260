"""What other families of models would add to an ensemble: out of fold and on the test rows, for each table.

    python run.py TABLES [name,name]

An ensemble of gradient boosting (LightGBM, two shapes), extra trees and a linear model is chosen greedily by its predictions out of fold,
as ours is; then again with one family more, all from scikit-learn with usual settings. Shown is by how much the error changes (log loss of
labels, root mean squared error of numbers), out of fold and on the test rows, and how many of 25 shares of the ensemble the family gets.
"""

import json
import os
import sys
import warnings

import numpy
import pandas
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

SHARES = 25
MOST_CATEGORIES = 60
SEED = 1
FOREST = {"n_estimators": 200, "min_samples_leaf": 2, "random_state": SEED}
SMALL_TREES = {"num_leaves": 8, "learning_rate": 0.05, "min_child_samples": 5, "colsample_bytree": 0.6, "subsample": 0.8, "subsample_freq": 1}
BOOSTING = {"verbose": -1, "random_state": SEED}
warnings.filterwarnings("ignore")


def families(numbers, texts, labels):
    """The ensemble's own and those that are tried, by name."""
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)

    def dense(model):
        return make_pipeline(ColumnTransformer([("numbers", scaled, numbers), ("texts", one_hot, texts)]), model)

    def coded(*models):
        return make_pipeline(ColumnTransformer([("numbers", "passthrough", numbers), ("texts", ordinal, texts)]), *models)

    median = SimpleImputer(strategy="median")
    if labels:
        own = {
            "boosting": coded(LGBMClassifier(n_estimators=100, learning_rate=0.07, **BOOSTING)),
            "small trees": coded(LGBMClassifier(n_estimators=200, reg_lambda=5, **SMALL_TREES, **BOOSTING)),
            "extra trees": coded(median, ExtraTreesClassifier(**FOREST)),
            "linear": dense(LogisticRegression(max_iter=1_000)),
        }
        network = MLPClassifier((64, 32), alpha=1e-2, early_stopping=True, max_iter=400, random_state=SEED)
        return own, {
            "nearest neighbours": dense(KNeighborsClassifier(15, weights="distance")),
            "naive Bayes": dense(GaussianNB()),
            "neural network": dense(network),
            "support vectors": dense(SVC(probability=True, random_state=SEED)),
        }
    own = {
        "boosting": coded(LGBMRegressor(n_estimators=300, learning_rate=0.05, **BOOSTING)),
        "small trees": coded(LGBMRegressor(n_estimators=800, **SMALL_TREES, **BOOSTING)),
        "extra trees": coded(median, ExtraTreesRegressor(**FOREST)),
        "linear": dense(Ridge()),
    }
    network = MLPRegressor(hidden_layer_sizes=(128, 64), alpha=1e-3, early_stopping=True, max_iter=400, random_state=SEED)
    process = GaussianProcessRegressor(ConstantKernel() * Matern(nu=1.5) + WhiteKernel(0.1), normalize_y=True, random_state=SEED)
    return own, {
        "nearest neighbours": dense(KNeighborsRegressor(8, weights="distance")),
        "neural network": dense(TransformedTargetRegressor(network, transformer=StandardScaler())),
        "Gaussian process": dense(process),
    }


def compare(folder, table):
    def part(name):
        return pandas.read_csv(os.path.join(folder, f"{table['name']}.{name}.csv"), sep=table["delimiter"])

    target, labels = table["target"], table["problem"] != "regression"
    train, test = part("train").dropna(subset=target), part("test")
    numbers = [name for name in train.drop(columns=target) if pandas.api.types.is_numeric_dtype(train[name])]
    texts = [name for name in train.drop(columns=[target, *numbers]) if train[name].nunique() <= MOST_CATEGORIES]
    known = sorted(train[target].unique()) if labels else []
    actual, expected = (numpy.searchsorted(known, rows[target]) if labels else rows[target].to_numpy(float) for rows in (train, test))
    splits = (StratifiedKFold if labels else KFold)(5, shuffle=True, random_state=SEED)

    def error(predicted, true):
        if labels:
            return log_loss(true, numpy.clip(predicted, 1e-6, 1), labels=range(len(known)))
        return numpy.sqrt(numpy.mean((predicted - true) ** 2))

    def predictions(model):
        shape = (len(train), len(known)) if labels else len(train)
        out_of_fold, on_test = numpy.zeros(shape), 0
        for learn, judge in splits.split(train, actual):
            model.fit(train.iloc[learn][numbers + texts], actual[learn])
            predict = model.predict_proba if labels else model.predict
            out_of_fold[judge] = predict(train.iloc[judge][numbers + texts])
            on_test = on_test + predict(test[numbers + texts]) / splits.n_splits
        return out_of_fold, on_test

    def ensemble(models):
        chosen, blend = [], 0
        for size in range(SHARES):
            better = min(models, key=lambda name: error((blend * size + models[name][0]) / (size + 1), actual))
            blend = (blend * size + models[better][0]) / (size + 1)
            chosen.append(better)
        return error(blend, actual), error(sum(models[name][1] for name in chosen) / SHARES, expected), chosen

    own, others = families(numbers, texts, labels)
    own = {name: predictions(model) for name, model in own.items()}
    before = ensemble(own)
    for name, model in others.items():
        after = ensemble({**own, name: predictions(model)})
        changes = [100 * (new / old - 1) for new, old in zip(after[:2], before)]
        print(f"{table['name']:16}{name:20}{changes[0]:+14.2f} %{changes[1]:+14.2f} %{after[2].count(name):8}", flush=True)


folder = sys.argv[1]
with open(os.path.join(folder, "manifest.json")) as manifest:
    tables = {table["name"]: table for table in json.load(manifest)}
only = [name for name in (sys.argv[2] if len(sys.argv) > 2 else "").split(",") if name] or list(tables)
print(f"{'':16}{'family':20}{'out of fold':>16}{'test':>16}{'shares':>8}")
for name in only:
    compare(folder, tables[name])
