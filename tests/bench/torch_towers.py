#!/usr/bin/env python3
"""torch_towers.py - the time of training steps of two-tower models in PyTorch, to compare the library with.

    torch_towers.py --train train.tsv.gz [--time-steps 200] [--form concat|product|in-batch] [--adam plain|fused|sparse]

`concat`: embeddings of layers[0] / 2 for user and item, side by side, ReLU layers, one logit; cross-entropy of 1,024 positives
and 3 negatives each a step (`--batch`, `--negatives`). `product`: a tower for each side on embeddings of layers[0] / 2, the
logit of their element-wise product. `in-batch`: such towers, outputs of length 1 over a temperature, a softmax over the items
of the batch with log-q correction. Optimizers: torch.optim.Adam as it comes, with its fused kernel, or SparseAdam on the
embeddings (another rule: rows that a step does not touch stand still) with fused Adam on the rest.

Drawing negatives that the user does not have and shuffling are vectorised; an epoch's drawing is timed in full and each step
charged its part. Prints JSON lines. Needs numpy and torch."""
import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import peer


def tower(sizes):
    return nn.Sequential(*[m for a, b in zip(sizes, sizes[1:]) for m in (nn.Linear(a, b), nn.ReLU())])


class Towers(nn.Module):
    def __init__(self, data, args):
        super().__init__()
        layers = [int(s) for s in args.layers.split(":")]
        self.form, half, sparse = args.form, layers[0] // 2, args.adam == "sparse"
        self.user, self.item = (nn.Embedding(n, half, sparse=sparse) for n in (data.n_users, data.n_items))
        if args.form == "concat":
            self.joint = tower(layers)
        else:
            self.left, self.right = (tower([half, *layers[1:]]) for _ in range(2))
        self.predict = nn.Linear(layers[-1], 1)
        counts = np.bincount(data.items, minlength=data.n_items) / data.n
        self.log_q, self.temperature = torch.from_numpy(np.log(counts).astype(np.float32)), args.temperature

    def loss(self, u, i, y):
        if self.form == "concat":
            logits = self.predict(self.joint(torch.cat([self.user(u), self.item(i)], 1)))[:, 0]
            return functional.binary_cross_entropy_with_logits(logits, y)
        a, b = self.left(self.user(u)), self.right(self.item(i))
        if self.form == "product":
            return functional.binary_cross_entropy_with_logits(self.predict(a * b)[:, 0], y)
        a, b = functional.normalize(a), functional.normalize(b)
        return functional.cross_entropy(a @ b.T / self.temperature - self.log_q[i], torch.arange(len(u)))


class Training:
    def __init__(self, data, args):
        self.data, self.args, self.rng = data, args, np.random.default_rng(args.seed)
        self.model = Towers(data, args)
        tables = [self.model.user.weight, self.model.item.weight]
        rest = [p for p in self.model.parameters() if all(p is not t for t in tables)]
        if args.adam == "sparse":
            self.rules = [torch.optim.SparseAdam(tables, lr=args.lr), torch.optim.Adam(rest, lr=args.lr, fused=True)]
        else:
            self.rules = [torch.optim.Adam(self.model.parameters(), lr=args.lr, **({"fused": True} if args.adam == "fused" else {}))]
        self.n_negatives = 0 if args.form == "in-batch" else args.negatives

    def draw(self):
        """Users, items and labels of an epoch in random order; a step's samples are positives and negatives as they come."""
        d, n = self.data, self.n_negatives
        order = self.rng.permutation(d.n * (1 + n))
        users = np.tile(d.users, 1 + n)
        items = np.concatenate([d.items, d.draw_negatives(self.rng, users[d.n:])]) if n else d.items
        self.samples = [torch.from_numpy(v) for v in (users[order], items[order], (order < d.n).astype(np.float32))]
        self.at = 0

    def step(self):
        wide = self.args.batch * (1 + self.n_negatives)
        self.at = self.at if self.at + wide <= len(self.samples[0]) else 0
        part = [v[self.at:self.at + wide] for v in self.samples]
        self.at += wide
        for r in self.rules:
            r.zero_grad()
        self.model.loss(*part).backward()
        for r in self.rules:
            r.step()
        return len(part[0])


def main():
    parse = argparse.ArgumentParser()
    peer.add_data_options(parse)
    parse.add_argument("--form", choices=["concat", "product", "in-batch"], default="concat")
    parse.add_argument("--layers", default="10:5:2:2")
    parse.add_argument("--batch", type=int, default=1024, help="positives")
    parse.add_argument("--negatives", type=int, default=3)
    parse.add_argument("--temperature", type=float, default=0.1)
    parse.add_argument("--lr", type=float, default=1e-3)
    parse.add_argument("--adam", choices=["plain", "fused", "sparse"], default="fused")
    parse.add_argument("--time-steps", type=int, default=200)
    args = parse.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    data = peer.Data(args.train)
    t, draws = Training(data, args), []
    for _ in range(2):
        begin = time.perf_counter()
        t.draw()
        draws.append(time.perf_counter() - begin)
    drawing = min(draws) / len(t.samples[0]) * args.batch * (1 + t.n_negatives)
    for _ in range(10):
        t.step()
    best = None
    for _ in range(max(1, args.time_steps // 20)):  # stretches of 20 steps
        begin, samples = time.perf_counter(), 0
        for _ in range(20):
            samples += t.step()
        spent = (time.perf_counter() - begin) / 20
        best = spent if best is None or spent < best else best
    peer.say(bench="torch_two_tower_step", form=args.form, adam=args.adam, layers=args.layers, batch=args.batch,
             negatives=t.n_negatives, samples_per_second=round(samples / 20 / (best + drawing)), seconds_per_step=round(best + drawing, 6),
             sampling_share=round(drawing / (best + drawing), 4), torch=torch.__version__, threads=args.threads)


if __name__ == "__main__":
    main()
