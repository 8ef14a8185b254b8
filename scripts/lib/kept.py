"""kept.py - outcomes of long runs, a line of JSON each, written as they come: a run that was cut off goes on where it was.

They lie in the folder RECSYS_RESULTS, else build/reproduce-results. To measure something anew, delete its file (or its line).
With QUICK, nothing is read, and what is written goes into a folder of its own.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(TOP, "tests", "bench")
QUICK = bool(os.environ.get("RECSYS_QUICK"))
FOLDER = tempfile.mkdtemp() if QUICK else os.environ.get("RECSYS_RESULTS") or os.path.join(TOP, "build", "reproduce-results")


def path(name):
    """A file beside the outcomes, for checkpoints and curves."""
    os.makedirs(FOLDER, exist_ok=True)
    return os.path.join(FOLDER, name)


def once(name, key, work):
    """The outcome kept under this key in NAME.jsonl, or that of work(), which is then kept."""
    file = path(name + ".jsonl")
    key = json.dumps(key, sort_keys=True)
    torn = ""
    if os.path.exists(file):
        with open(file, encoding="utf-8") as f:
            for line in f:
                try:
                    entry = json.loads(line)
                except ValueError:  # the end of a run that was killed
                    continue
                if json.dumps(entry["key"], sort_keys=True) == key:
                    return entry["outcome"]
                torn = line
            torn = "" if torn.endswith("\n") or not torn else "\n"
    outcome = work()
    with open(file, "a", encoding="utf-8") as f:
        f.write(torn + json.dumps({"key": json.loads(key), "outcome": outcome}) + "\n")
    return outcome


def seeds(all_of_them):
    return all_of_them[:1] if QUICK else all_of_them


def epochs(n):
    return 1 if QUICK else n


def peer(program, *arguments):
    """The JSON lines of a program of tests/bench, run by the Python of RECSYS_PYTHON."""
    command = [os.environ.get("RECSYS_PYTHON", sys.executable), os.path.join(PEERS, program), *arguments]
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        sys.exit(f"{program} failed; it needs the packages that it names, in the Python that RECSYS_PYTHON names")
    return [json.loads(line) for line in done.stdout.splitlines()]


def train(run, recsys, model, files, out, options):
    """The library's report of a training."""
    report = path("train.json")
    run(recsys, "train", model, "--quiet", *files, *options, "--out", out, "--json", report)
    with open(report, encoding="utf-8") as f:
        return json.load(f)


def evaluate(run, recsys, out, files):
    """Recall@20 and NDCG@20 by the library's evaluator."""
    report = path("evaluate.json")
    run(recsys, "evaluate", out, "--quiet", *files, "--cutoffs", "20", "--json", report)
    with open(report, encoding="utf-8") as f:
        at20 = json.load(f)["metrics"]["20"]
    return at20["RECALL"], at20["NDCG"]


def spread(values, digits=4):
    """Mean, and the standard deviation where there are several."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean
