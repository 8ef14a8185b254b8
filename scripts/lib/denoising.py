"""denoising.py - the runs of adaptive denoising training for scripts/reproduce: five seeds each, mean and spread.

The released figures come from a program that stops at the best validation loss, looked at every 100 steps, and that divides by
the number of test lines, repeated ones included. Here a repeated pair counts once; so that figures can be compared, recall and
NDCG of each user are also rescaled to the number of lines ("as released").
"""
import collections
import csv
import gzip
import json
import math
import os
import statistics

SEEDS = [1, 2, 3, 4, 5]
UNIVERSE = ["--users", "212231", "--items", "6596"]
PAIRS = ["--columns", "user,item"]
FLAGS = ["--columns", "user,item,flag"]
VALUES = ["--columns", "user,item,value", "--clean", "value>=5"]
SEED_SETTING = ["--epochs", "10", "--batch", "1024", "--negatives", "1", "--optimizer", "adam:lr=0.001", "--eval-every", "100",
                "--validation-negatives", "train", "--patience", "20"]
TO_THE_END = ["--epochs", "20", "--batch", "1024", "--negatives", "1", "--optimizer", "adam:lr=0.001", "--select", "NDCG@20"]

CDAE = ["--epochs", "30", "--optimizer", "adam:lr=0.001", "--select", "NDCG@20"]

# data set -> files, columns, cut-offs, and rows of (label, model, parameters, options, released "recall a, recall b, ndcg a, ndcg b").
RUNS = {
    "adressa": dict(
        train="train.tsv.gz", valid="valid.tsv.gz", test="test.tsv.gz", columns=PAIRS, universe=UNIVERSE, cutoffs=(3, 20),
        options=SEED_SETTING, cold="model",
        note="released setting: width 32, 3 layers, Adam 0.001, batch 1024, 10 epochs, model of the least validation loss, looked at "
             "every 100 steps, until 20 looks brought nothing better; universe of 212,231 users and 6,596 items, cold users scored on their untrained rows. The released program looks after steps 101, 201, ... and its figures are of "
             "one run; NeuMF's spread comes from seeds whose validation loss is least at the first look",
        rows=[("gmf normal", "gmf", "loss=bce", [], "0.0880, 0.2141, 0.0780, 0.1237"),
              ("gmf T-CE", "gmf", "loss=t-ce,drop_rate=0.05,num_gradual=30000", [], "0.0892, 0.2170, 0.0790, 0.1254"),
              ("gmf R-CE", "gmf", "loss=r-ce,alpha=0.2", [], "0.0891, 0.2142, 0.0765, 0.1229"),
              ("neumf normal", "neumf", "loss=bce", [], "0.1416, 0.3159, 0.1267, 0.1886"),
              ("neumf T-CE", "neumf", "loss=t-ce,drop_rate=0.2,num_gradual=1000", [], "0.1418, 0.3106, 0.1227, 0.1840"),
              ("neumf R-CE", "neumf", "loss=r-ce,alpha=0.25", [], "0.1414, 0.3185, 0.1266, 0.1896")]),
    "ml-100k-sgdl": dict(
        train="train.tsv.gz", valid="valid.tsv.gz", test="test.tsv.gz", columns=FLAGS, universe=[], cutoffs=(5, 20),
        test_columns=PAIRS, options=TO_THE_END, cold="skip",
        note="flags: 1 is clean; the flags are not shown to the losses; test data are clean",
        rows=[("gmf normal", "gmf", "loss=bce", [], None),
              ("gmf T-CE", "gmf", "loss=t-ce,drop_rate=0.1,num_gradual=2000", [], None),
              ("gmf R-CE", "gmf", "loss=r-ce,alpha=0.2", [], None),
              ("cdae normal", "cdae", "loss=bce", CDAE, None),
              ("cdae T-CE", "cdae", "loss=t-ce,drop_rate=0.1,num_gradual=100", CDAE, None),
              ("cdae R-CE", "cdae", "loss=r-ce,alpha=0.2", CDAE, None),
              ("gmf T-CE, fine-tuning on 20 % verified", "gmf", "loss=t-ce,drop_rate=0.1,num_gradual=2000",
               ["--verified-share", "0.2", "--fine-tune", "5"], None),
              ("gmf T-CE, warm-up on 20 % verified", "gmf", "loss=t-ce,drop_rate=0.1,num_gradual=2000",
               ["--verified-share", "0.2", "--warm-up", "5"], None),
              ("gmf T-CE, colliding inference on 20 % verified", "gmf",
               "loss=t-ce,drop_rate=0.1,num_gradual=2000,colliding=0.3,neighbours=20", ["--verified-share", "0.2"], None)]),
    "ml-100k-denoise": dict(
        train="train.tsv.gz", valid=None, test="test.tsv.gz", columns=VALUES, universe=[], cutoffs=(5, 20),
        test_columns=["--columns", "user,item"], options=["--epochs", "20", "--batch", "1024", "--negatives", "1"], cold="skip",
        note="clean is a rating of 5; the published validation data overlap the test data, so there is none here: the model after the "
             "last epoch",
        rows=[("gmf normal", "gmf", "loss=bce", [], None),
              ("gmf T-CE", "gmf", "loss=t-ce,drop_rate=0.2,num_gradual=2000", [], None),
              ("gmf R-CE", "gmf", "loss=r-ce,alpha=0.2", [], None)]),
    "yelp-ddrm": dict(
        train="train.tsv.gz", valid="valid.tsv.gz", test="test.tsv.gz", columns=PAIRS, universe=[], cutoffs=(20, 50),
        options=TO_THE_END[:-2] + ["--eval-every", "2000"], cold="skip", seeds=[1, 2],
        note="noisy training and validation data, clean test data; model of the least validation loss",
        rows=[("gmf normal", "gmf", "loss=bce", [], None),
              ("gmf T-CE", "gmf", "loss=t-ce,drop_rate=0.1,num_gradual=30000", [], None),
              ("gmf R-CE", "gmf", "loss=r-ce,alpha=0.2", [], None)]),
}

HEAD = """
## Adaptive denoising training

Mean over the seeds, and the standard deviation behind it. `as released`: each user's figures divided by all of its test lines,
repeated ones included, as the released program divides. Seeds 1 to 5 unless the row says otherwise. Each row is

    recsys train MODEL --train TRAIN [--valid VALID] --params dim=32,PARAMETERS ... --seed S --out m.safetensors
    recsys evaluate m.safetensors --test TEST [--mask VALID] ... --cutoffs A,B --per-user u.csv

and the script prints the whole lines.

| data | what | Recall@a | Recall@b | NDCG@a | NDCG@b | as released | released | best step | train s |
| --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: | ---: |
"""


def lines_per_user(path):
    """Test lines of each user, and how many of them are different."""
    count, different = collections.Counter(), collections.defaultdict(set)
    with gzip.open(path, "rt", encoding="utf-8") as f:
        for line in f:
            user, item = line.split("\t")[:2]
            count[user] += 1
            different[user].add(item.strip())
    return {u: (n, len(different[u])) for u, n in count.items()}


def ideal(n, k):
    return sum(1 / math.log2(j + 2) for j in range(min(n, k)))


def as_released(per_user, lines, cutoffs):
    """Means of recall and NDCG with each user's lines in the denominators."""
    sums = [0.0] * 4
    users = 0
    with open(per_user, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            n, different = lines[row["user"]]
            users += 1
            for c, k in enumerate(cutoffs):
                sums[c] += float(row[f"RECALL@{k}"]) * different / n
                sums[2 + c] += float(row[f"NDCG@{k}"]) * ideal(different, k) / ideal(n, k)
    return [s / users for s in sums]


def one(run, recsys, data, r, row, seed, work):
    label, model, params, extra, _ = row
    out, t, report, users = (os.path.join(work, f) for f in ("m.safetensors", "t.json", "r.json", "u.csv"))
    path = lambda f: os.path.join(data, f)
    valid = ["--valid", path(r["valid"])] if r["valid"] else []
    width = "" if model == "cdae" else "dim=32,"
    run(recsys, "train", model, "--quiet", "--train", path(r["train"]), *valid, *r["columns"], *r["universe"], "--params",
        width + params, *([] if extra is CDAE else r["options"]), *extra, "--seed", str(seed), "--out", out, "--json", t)
    run(recsys, "evaluate", out, "--quiet", "--test", path(r["test"]), *(["--mask", path(r["valid"])] if r["valid"] else []),
        *r.get("test_columns", r["columns"]), *r["universe"], "--cold", r["cold"], "--cutoffs",
        ",".join(str(k) for k in r["cutoffs"]), "--json", report, "--per-user", users)
    with open(t, encoding="utf-8") as f:
        fit = json.load(f)
    with open(report, encoding="utf-8") as f:
        metrics = json.load(f)["metrics"]
    a, b = (metrics[str(k)] for k in r["cutoffs"])
    figures = [a["RECALL"], b["RECALL"], a["NDCG"], b["NDCG"]]
    return figures, as_released(users, lines_per_user(path(r["test"])), r["cutoffs"]), fit.get("best_step"), fit["seconds"]


def measure(run, recsys, name, folder, work):
    r, rows = RUNS[name], []
    seeds = r.get("seeds", SEEDS)
    for row in r["rows"]:
        results = [one(run, recsys, os.path.join(folder, name), r, row, seed, work) for seed in seeds]
        cells = []
        for c in range(4):
            values = [x[0][c] for x in results]
            cells.append(f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
        released = [f"{statistics.mean(x[1][c] for x in results):.4f}" for c in range(4)]
        steps = sorted(x[2] for x in results if x[2] is not None)
        a, b = r["cutoffs"]
        rows.append(f"| {name} ({a}, {b}) | {row[0]}{'' if seeds == SEEDS else f', {len(seeds)} seeds'} | {' | '.join(cells)} | "
                    f"{', '.join(released)} | {row[4] or '-'} | {f'{steps[0]} to {steps[-1]}' if steps else '-'} | "
                    f"{statistics.mean(x[3] for x in results):.1f} |")
    return rows
