"""graph.py - LightGCN for scripts/reproduce: its curve on Gowalla, and the library beside a PyTorch program on smaller data.

The curve: looks at the test data after epoch 5 and every tenth, as the released program looks, no choice among them. The training
is cut in pieces by --max-steps and --resume, so it can be stopped at any time; it gives the same bits as one in one go.
"""
import csv
import json
import os

import kept

SEEDS = [1, 2, 3]
PAIRS = ["--columns", "user,item"]
PARAMS = "dim=64,layers=3,decay=1e-4"
OPTIONS = ["--batch", "2048", "--negatives", "1", "--optimizer", "adam:lr=0.001"]
EPOCHS = 150
LOOKS = [5, *range(10, EPOCHS + 1, 10)]
# Looks that the released program prints: epoch, Recall@20, NDCG@20 (seed 2020), and its final table.
RELEASED = {5: "0.1071, 0.0894", 1000: "0.1824, 0.1547"}

RUNS = {
    "lightgcn-gowalla": dict(data="gowalla", curve=True,
        note="published split of LightGCN; 3 layers of width 64, decay 1e-4, Adam 0.001, batch 2048, seed 1. The released program prints "
             "0.1071, 0.0894 after 5 epochs and 0.1824, 0.1547 after 1000; its epochs draw as many users, each with one of his items, "
             "where here each pair comes once"),
    "lightgcn-lastfm": dict(data="lastfm", note="published split; validation items masked at test; after 150 epochs, seeds 1 to 3"),
    "lightgcn-ml-1m-implicit": dict(data="ml-1m-implicit",
        note="ratings of 3 and more; validation items masked at test; after 150 epochs, seeds 1 to 3"),
}

HEAD = """
## LightGCN

    recsys train lightgcn --train TRAIN --params dim=64,layers=3,decay=1e-4 --batch 2048 --negatives 1 --optimizer adam:lr=0.001 --epochs 150
    python3 tests/bench/torch_graph.py --train TRAIN --valid VALID --test TEST --epochs 150 --out m.safetensors

Both are measured by `recsys evaluate`: the PyTorch program, written from the paper, writes its vectors as a model file. Mean over the
seeds ± standard deviation. `ratio`: of the means, library to PyTorch. Seconds are of training without looks.

| data | program | epochs | Recall@20 | NDCG@20 | ratio | released @20 | train s |
| --- | --- | ---: | ---: | ---: | --- | --- | ---: |
"""


def files_of(folder, *names):
    return [os.path.join(folder, n + ".tsv.gz") for n in names]


def rows_of_curve(run, recsys, name, folder):
    train, test = files_of(folder, "train", "test")
    checkpoint, model = kept.path(name + ".checkpoint"), kept.path(name + ".safetensors")
    per_epoch, done, spent, rows = None, 0, 0.0, []
    with open(kept.path(name + ".csv"), "w", encoding="utf-8", newline="") as f:
        curve = csv.writer(f)
        curve.writerow(["epoch", "loss", "RECALL@20", "NDCG@20", "train_seconds"])
        for epoch in LOOKS[:1] if kept.QUICK else LOOKS:
            def piece():
                steps = -(-pairs(train) // 2048)
                more = ["--resume", checkpoint] if done else []
                report = kept.train(run, recsys, "lightgcn", ["--train", train, *PAIRS], model, [
                    "--params", PARAMS, *OPTIONS, "--epochs", str(EPOCHS), "--seed", "1", "--max-steps",
                    str(1 if kept.QUICK else steps * epoch), "--checkpoint", checkpoint, *more])
                recall, ndcg = kept.evaluate(run, recsys, model, ["--test", test, *PAIRS])
                last = report["epochs"][-1] if report["epochs"] else {"loss": float("nan")}
                return dict(loss=last["loss"], recall=recall, ndcg=ndcg, seconds=report["seconds"])
            o = kept.once(name, dict(epoch=epoch, epochs=EPOCHS, params=PARAMS, options=OPTIONS), piece)
            done, spent = epoch, spent + o["seconds"]
            curve.writerow([epoch, o["loss"], o["recall"], o["ndcg"], round(spent, 2)])
            f.flush()
            rows.append(f"| {name} | recsys | {epoch} | {o['recall']:.4f} | {o['ndcg']:.4f} | - | {RELEASED.get(epoch, '-')} | {spent:.0f} |")
    return rows


def pairs(train):
    import gzip
    with gzip.open(train, "rt", encoding="ascii") as f:
        return sum(1 for _ in f)


def rows_of_pair(run, recsys, name, folder):
    train, valid, test = files_of(folder, "train", "valid", "test")
    known = ["--train", train, "--mask", valid, "--test", test, *PAIRS]
    model, epochs = kept.path(name + ".safetensors"), kept.epochs(EPOCHS)
    outcomes = {"recsys": [], "PyTorch": []}
    for seed in kept.seeds(SEEDS):
        def ours():
            report = kept.train(run, recsys, "lightgcn", ["--train", train, *PAIRS], model,
                                ["--params", PARAMS, *OPTIONS, "--epochs", str(epochs), "--seed", str(seed)])
            return [*kept.evaluate(run, recsys, model, known), report["seconds"]]

        def theirs():
            lines = kept.peer("torch_graph.py", "--train", train, "--valid", valid, "--test", test, "--epochs", str(epochs),
                              "--eval-every", str(epochs), "--seed", str(seed), "--out", model)
            return [*kept.evaluate(run, recsys, model, known), lines[-1]["train_seconds"]]
        for program, work in (("recsys", ours), ("PyTorch", theirs)):
            outcomes[program].append(kept.once(name, dict(program=program, seed=seed, epochs=epochs, params=PARAMS, options=OPTIONS), work))
    mean = lambda program, c: sum(o[c] for o in outcomes[program]) / len(outcomes[program])
    ratio = ", ".join(f"{mean('recsys', c) / mean('PyTorch', c):.4f}" for c in (0, 1))
    cells = lambda program: " | ".join(kept.spread([o[c] for o in outcomes[program]]) for c in (0, 1))
    return [f"| {name} | {p} | {epochs} | {cells(p)} | {ratio if p == 'recsys' else '-'} | - | {mean(p, 2):.0f} |" for p in outcomes]


def measure(run, recsys, name, data, work):
    r = RUNS[name]
    folder = os.path.join(data, r["data"])
    return rows_of_curve(run, recsys, name, folder) if r.get("curve") else rows_of_pair(run, recsys, name, folder)
