"""movielens.py - every model on one split of MovieLens 1M with one evaluator, for scripts/reproduce; and docs/quality-time.svg."""
import os
import shutil
import subprocess

import kept

PAIRS = ["--columns", "user,item"]
SEEDS = [1, 2, 3]  # of the two programs that are compared; the other rows show seed 1
CLOSED = None


def by_steps(epochs, batch, lr, *more, decay=0, patience=10):
    rule = f"adam:lr={lr}" + (f",weight_decay={decay}" if decay else "")
    return ["--epochs", str(epochs), "--batch", str(batch), "--optimizer", rule, "--select", "NDCG@20", "--patience", str(patience), *more]


MULT_DAE = dict(encoder="200", decoder="0", epochs=100, batch=256, lr=0.001, mask=0.5)

# label, model, parameters, options (None: closed form). NDCG@20 on the validation data of what was tried:
# ease l2 50 .1884, 100 .1981, 200 .2057, 400 .2114, 800 .2131, 1200 .2122, 2000 .2096; gmf dim 64 .1727, with weight decay 1e-6
# .1770, dim 128 with 3e-6 .1825; cdae learning rate 0.001 stays at the popular items for 9 epochs (.1029; tanh and dropout 0.3:
# .1738 after 40), 0.005 .2015, tanh .1977; neumf dim 16 .1706; dae multinomial .2082; gf-cf factors 32 .1873, 64 .1970, none .1656.
ROWS = [
    ("top-popular", "top-popular", "", CLOSED),
    ("ease", "ease", "l2=800", CLOSED),
    ("gf-cf", "gf-cf", "factors=256,alpha=0.3", CLOSED),
    ("gmf", "gmf", "dim=128", by_steps(20, 4096, 0.003, "--negatives", "4", decay="3e-6", patience=3)),
    ("neumf", "neumf", "dim=16,layers=3", by_steps(12, 4096, 0.002, "--negatives", "4")),
    ("cdae", "cdae", "hidden=200", by_steps(100, 256, 0.005, patience=15)),
    ("dae, course notebook's sizes", "dae", "encoder=420:69,decoder=420,mask=0.1,loss=bce", by_steps(100, 512, 0.001)),
    ("dae, multinomial", "dae", "encoder=200,decoder=0,code_activation=tanh,normalize=l2,mask=0.5,rescale=1,loss=multinomial",
     by_steps(MULT_DAE["epochs"], MULT_DAE["batch"], MULT_DAE["lr"])),
    ("two-tower-concat", "two-tower-concat", "layers=64:64:32", by_steps(15, 4096, 0.003, "--negatives", "4", decay="1e-6", patience=3)),
    ("two-tower-product, pairs", "two-tower-product", "layers=64,objective=pairs,output=linear",
     by_steps(15, 4096, 0.003, "--negatives", "3", patience=3)),
    ("two-tower-product, in-batch", "two-tower-product", "layers=128,objective=in-batch,output=cosine,temperature=0.15",
     by_steps(12, 512, 0.003, patience=3)),
    ("two-tower-product, shared", "two-tower-product", "layers=128,objective=shared,shared_negatives=512,output=cosine,temperature=0.15",
     by_steps(12, 512, 0.003, patience=3)),
    ("lightgcn", "lightgcn", "dim=64,layers=3,decay=1e-4", by_steps(50, 2048, 0.003, "--negatives", "1", patience=5)),
]

RUNS = {
    "ml-1m-models": dict(
        note="MovieLens 1M, ratings of 3 and more (6,039 users, 3,583 items with training data), the LightGCN++ split: 590,733 pairs for "
             "training, 80,897 for choosing settings and the best epoch (NDCG@20), 164,848 for the test, at which validation items are "
             "masked. Seed 1; seeds 1 to 3 for the two programs of Mult-DAE"),
}

HEAD = """
## All models on MovieLens 1M

    recsys train MODEL --train TRAIN [--valid VALID --select NDCG@20] --params PARAMETERS ... --seed S --without-histories --out m.safetensors
    recsys evaluate m.safetensors --train TRAIN --mask VALID --test TEST --cutoffs 20

Settings were chosen on the validation data, more of them for some models than for others (the comment in `scripts/lib/movielens.py`
lists what was tried). Where there are several seeds: mean ± standard deviation. `train s` with the looks at validation data, which choose
the epoch and end the training after some without a better one; `model MB` without histories. `PyTorch Mult-DAE`:
tests/bench/torch_autoencoder.py with the same sizes and setting, measured by the same evaluator.

| data | what | parameters | Recall@20 | NDCG@20 | train s | model MB |
| --- | --- | --- | ---: | ---: | ---: | ---: |
"""


def files_of(folder):
    return [os.path.join(folder, n + ".tsv.gz") for n in ("train", "valid", "test")]


def quick(options):
    """The same for one epoch."""
    at = options.index("--epochs")
    return [*options[:at + 1], "1", *options[at + 2:]]


def one(run, recsys, folder, model, params, options, seed):
    train, valid, test = files_of(folder)
    out = kept.path("ml-1m-models.safetensors")
    steps = [] if options is CLOSED else ["--valid", valid, *(quick(options) if kept.QUICK else options)]
    report = kept.train(run, recsys, model, ["--train", train, *PAIRS], out,
                        [*(["--params", params] if params else []), *steps, "--seed", str(seed), "--without-histories"])
    return [*kept.evaluate(run, recsys, out, ["--train", train, "--mask", valid, "--test", test, *PAIRS]), report["seconds"],
            os.path.getsize(out)]


def one_of_peer(run, recsys, folder, seed):
    train, valid, test = files_of(folder)
    out, m = kept.path("ml-1m-models.safetensors"), MULT_DAE
    lines = kept.peer("torch_autoencoder.py", "--train", train, "--valid", valid, "--test", test, "--encoder", m["encoder"], "--decoder",
                      m["decoder"], "--mask", str(m["mask"]), "--batch", str(m["batch"]), "--lr", str(m["lr"]), "--epochs",
                      str(kept.epochs(m["epochs"])), "--patience", "10", "--seed", str(seed), "--out", out)
    return [*kept.evaluate(run, recsys, out, ["--train", train, "--mask", valid, "--test", test, *PAIRS]), lines[-1]["train_seconds"],
            os.path.getsize(out)]


def sides(points):
    """The points, each with the side on which its label stands: to the left where the one above it is too near."""
    placed = []
    for label, seconds, ndcg in sorted(points, key=lambda p: -p[2]):
        near = [p for p in placed if p[2] - ndcg < 0.006 and 0.1 < p[1] / max(seconds, 0.01) < 20]
        side = "right" if near and near[-1][3] == "left" else "left"
        placed.append((label, max(seconds, 0.01), ndcg, side))
    return placed


def draw(points):
    """Quality against training time, a labelled point for each (label, seconds, NDCG@20)."""
    if shutil.which("gnuplot") is None or kept.QUICK:
        return
    placed = sides(points)
    labels = "\n".join(f'set label "{label}" at {seconds:.3f},{ndcg:.4f} {side} offset {0.8 if side == "left" else -0.8},0 font "sans,10"'
                       for label, seconds, ndcg, side in placed)
    data = "\n".join(f"{seconds:.3f} {ndcg:.4f}" for _, seconds, ndcg, _ in placed)
    script = f"""set terminal svg noenhanced size 860,520 font "sans,12" background "white"
set output "{os.path.join(kept.TOP, 'docs', 'quality-time.svg')}"
set logscale x
set xlabel "seconds of training (two cores, looks at validation data included)"
set ylabel "NDCG@20"
set grid
set key off
set xrange [0.005:{8 * max(seconds for _, seconds, _, _ in placed):.0f}]
set offsets 0, 0, 0.01, 0.01
{labels}
$points << EOD
{data}
EOD
plot $points using 1:2 with points pt 7 lc rgb "#1f77b4"
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def measure(run, recsys, name, data, work):
    folder, rows, points = os.path.join(data, "ml-1m-implicit"), [], []

    def row(label, params, outcomes):
        cells = [kept.spread([o[c] for o in outcomes]) for c in (0, 1)]
        seconds = sum(o[2] for o in outcomes) / len(outcomes)
        rows.append(f"| {name} | {label} | {params or '-'} | {' | '.join(cells)} | {seconds:.1f} | {outcomes[0][3] / 1e6:.2f} |")
    for label, model, params, options in ROWS:
        outcomes = []
        for seed in kept.seeds(SEEDS) if label == "dae, multinomial" else [1]:
            key = dict(model=model, params=params, options=options, seed=seed)
            outcomes.append(kept.once(name, key, lambda: one(run, recsys, folder, model, params, options, seed)))
        points.append((label, outcomes[0][2], outcomes[0][1]))
        shown = params if options is CLOSED else f"{params}; {' '.join(options[:6] + options[8:])}"
        row(label, shown, outcomes)
    outcomes = [kept.once(name, dict(peer="mult-dae", seed=s, **MULT_DAE), lambda s=s: one_of_peer(run, recsys, folder, s))
                for s in kept.seeds(SEEDS)]
    row("PyTorch Mult-DAE", "as `dae, multinomial`", outcomes)
    draw(points)
    return rows
