"""iris.py - the classifier at the course notebook's setting, for scripts/reproduce: what examples/mlp_classifier.c prints."""
import os
import re
import subprocess

import kept

RUNS = {
    "iris": dict(note="Fisher's 150 flowers: 80 % drawn by the seed are training data; 4 measurements as they are, layers of 16 and 32, ReLU, "
                      "SGD 0.01, batch 32, 100 epochs; 20 seeds, each with its own split and start"),
}

HEAD = """
## Classifier

    examples/mlp_classifier examples/data/iris/iris.csv

trains with `recsys_model_fit()` and counts with `recsys_model_classify()`. Medians over 20 seeds, and the least and the greatest.

| data | accuracy, training data | from | to | accuracy, other data |
| --- | ---: | ---: | ---: | ---: |
"""


def measure(run, recsys, name, data, work):
    command = [os.path.join(os.path.dirname(recsys), "mlp_classifier"), os.path.join(kept.TOP, "examples", "data", "iris", "iris.csv")]
    print("+", " ".join(command), flush=True)
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[-1]
    seen, least, most, others = re.findall(r"\d\.\d+", text)
    return [f"| {name} | {seen} | {least} | {most} | {others} |"]
