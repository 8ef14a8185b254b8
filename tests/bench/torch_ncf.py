#!/usr/bin/env python3
"""torch_ncf.py - GMF, NeuMF and CDAE training in PyTorch at the size of the Adressa data, to compare the library with.

Usage: torch_ncf.py [--seconds S] [--threads T] [--only TEXT] [--list]      (needs numpy and torch; the tests do not)

Random data of that shape: 212,231 users, 6,596 items, 419,491 distinct positives, popularity falling with the item. Factor
32, 3 layers, one negative a positive, BCE, learning rate 0.001. Optimizers: `adam`, torch.optim.Adam as it comes, dense
gradients; `fused`, the same with its fused kernel; `sparse`, SparseAdam on the embeddings (another rule: the moments of a
row that a step does not touch stand still) with fused Adam on the rest. CDAE: hidden 200, sigmoid, no dropout, a user row
as a bag of embeddings; `full` scores every item of a row, `sampled` the positives and as many negatives.

A sample is a pair (pairs), a cell of a row (cdae full) or a drawn item (cdae sampled). Drawing negatives that are no
positives of the user and shuffling are vectorised and are part of the time: an epoch's drawing is timed in full, and a run
of n of N batches is charged n/N of it, so that slow cases need not run for an epoch. Prints one JSON line a case. The best
of S stretches of a second counts (a step at least each); `seconds_per_epoch` follows from it.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn

U, I, P, FACTOR, LAYERS, HIDDEN = 212231, 6596, 419491, 32, 3, 200


def random_positives(rng):
    """P distinct keys user * I + item, sorted; every user has one at least."""
    keys = np.arange(U) * I + (I * rng.random(U) ** 3).astype(np.int64)
    while len(keys) < P:
        n = P - len(keys)
        more = rng.integers(0, U, n) * I + (I * rng.random(n) ** 3).astype(np.int64)
        keys = np.unique(np.concatenate([keys, more]))
    return keys


def draw_negatives(rng, keys, users):
    """One item for each of `users` that is none of the user's positives."""
    items = rng.integers(0, I, len(users))
    again = np.arange(len(users))
    while len(again):
        k = users[again] * I + items[again]
        at = np.minimum(np.searchsorted(keys, k), len(keys) - 1)
        again = again[keys[at] == k]
        items[again] = rng.integers(0, I, len(again))
    return items


class GMF(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.user, self.item = (nn.Embedding(n, FACTOR, sparse=sparse) for n in (U, I))
        self.predict = nn.Linear(FACTOR, 1)

    def forward(self, u, i):
        return self.predict(self.user(u) * self.item(i))[:, 0]


class NeuMF(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        wide = FACTOR << (LAYERS - 1)
        self.user, self.item = (nn.Embedding(n, FACTOR, sparse=sparse) for n in (U, I))
        self.mlp_user, self.mlp_item = (nn.Embedding(n, wide, sparse=sparse) for n in (U, I))
        blocks = []
        for l in range(LAYERS):
            blocks += [nn.Linear(2 * wide >> l, wide >> l), nn.ReLU()]
        self.mlp = nn.Sequential(*blocks)
        self.predict = nn.Linear(2 * FACTOR, 1)

    def forward(self, u, i):
        z = self.mlp(torch.cat([self.mlp_user(u), self.mlp_item(i)], -1))
        return self.predict(torch.cat([self.user(u) * self.item(i), z], -1))[:, 0]


class CDAE(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.first = nn.EmbeddingBag(I, HIDDEN, mode="sum", sparse=sparse)
        self.user = nn.Embedding(U, HIDDEN, sparse=sparse)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.out = nn.Linear(HIDDEN, I)

    def hidden(self, u, items, offsets):
        return torch.sigmoid(self.first(items, offsets) + self.user(u) + self.bias)


class Rules:
    """The optimizers of one training."""

    def __init__(self, model, how):
        if how == "sparse":
            tables = [m.weight for m in model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))]
            rest = [p for p in model.parameters() if all(p is not t for t in tables)]
            self.all = [torch.optim.SparseAdam(tables, lr=1e-3), torch.optim.Adam(rest, lr=1e-3, fused=True)]
        else:
            self.all = [torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if how == "fused" else {}))]

    def step(self, loss):
        for o in self.all:
            o.zero_grad()
        loss.backward()
        for o in self.all:
            o.step()


class PairEpoch:
    """Shuffled pairs of one epoch, cut into batches."""

    def __init__(self, rng, keys, batch):
        users, items = np.divmod(keys, I)
        order = rng.permutation(2 * P)
        negatives = draw_negatives(rng, keys, users)
        self.users = torch.from_numpy(np.concatenate([users, users])[order])
        self.items = torch.from_numpy(np.concatenate([items, negatives])[order])
        self.labels = torch.from_numpy((order < P).astype(np.float32))
        self.batch, self.n_batches = batch, -(-2 * P // batch)

    def step(self, model, rules, b):
        cut = slice(b * self.batch, (b + 1) * self.batch)
        y = self.labels[cut]
        rules.step(nn.functional.binary_cross_entropy_with_logits(model(self.users[cut], self.items[cut]), y))
        return len(y), len(y)


class RowEpoch:
    """Users of one epoch in random order; their rows laid end to end in that order."""

    def __init__(self, rng, keys, batch, sampled):
        users, items = np.divmod(keys, I)
        length = np.bincount(users, minlength=U)
        start = np.cumsum(length) - length
        order = rng.permutation(U)
        row_length = length[order]
        self.start = np.concatenate([[0], np.cumsum(row_length)])
        at = np.repeat(start[order] - self.start[:-1], row_length) + np.arange(P)
        self.users, self.items = torch.from_numpy(order), torch.from_numpy(items[at])
        self.row = torch.from_numpy(np.repeat(np.arange(U), row_length))
        self.negatives = torch.from_numpy(draw_negatives(rng, keys, users[at])) if sampled else None
        self.batch, self.n_batches = batch, -(-U // batch)

    def step(self, model, rules, b):
        first, last = b * self.batch, min(U, (b + 1) * self.batch)
        low, high = self.start[first], self.start[last]
        items, row = self.items[low:high], self.row[low:high] - first
        h = model.hidden(self.users[first:last], items, torch.from_numpy(self.start[first:last] - low))
        if self.negatives is None:
            y = torch.zeros(last - first, I)
            y[row, items] = 1
            x = model.out(h)
        else:
            both = torch.cat([items, self.negatives[low:high]])
            # The rows of the output layer that are asked for; index_select has a dense gradient.
            w = model.out.weight.index_select(0, both)
            x = (h.index_select(0, torch.cat([row, row])) * w).sum(1) + model.out.bias[both]
            y = torch.zeros(len(both))
            y[:len(items)] = 1
        rules.step(nn.functional.binary_cross_entropy_with_logits(x, y))
        return y.numel(), last - first


CASES = [("gmf", how, batch) for batch in (1024, 65536) for how in ("adam", "fused", "sparse")]
CASES += [("neumf", how, batch) for batch in (1024, 65536) for how in ("adam", "fused", "sparse")]
CASES += [("cdae_" + output, how, 1024) for output in ("full", "sampled") for how in ("fused", "sparse")]


def run(name, how, batch, keys, seconds):
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    kind = {"gmf": GMF, "neumf": NeuMF}.get(name, CDAE)
    model = kind(how == "sparse")
    for m in model.modules():
        if isinstance(m, (nn.Embedding, nn.EmbeddingBag)):
            nn.init.normal_(m.weight, std=0.01)
    rules = Rules(model, how)

    def draw():
        if kind is CDAE:
            return RowEpoch(rng, keys, batch, name == "cdae_sampled")
        return PairEpoch(rng, keys, batch)
    draws = []
    for _ in range(2):
        begin = time.perf_counter()
        epoch = draw()
        draws.append(time.perf_counter() - begin)
    for b in range(2):  # allocations of the first steps do not count
        epoch.step(model, rules, b)
    best, b = None, 0
    for _ in range(seconds):
        begin, samples, rows, n = time.perf_counter(), 0, 0, 0
        while n == 0 or time.perf_counter() - begin < 1:
            s, r = epoch.step(model, rules, b)
            samples, rows, n, b = samples + s, rows + r, n + 1, (b + 1) % epoch.n_batches
        spent = time.perf_counter() - begin
        drawing = min(draws) * n / epoch.n_batches
        result = (spent + drawing) / samples, samples, rows, n, drawing / (spent + drawing)
        best = result if best is None or result[0] < best[0] else best
    per_sample, samples, rows, n, share = best
    units = U if kind is CDAE else 2 * P
    print(json.dumps({
        "bench": "torch_" + name, "optimizer": how, "batch": batch, "samples_per_second": round(1 / per_sample),
        "rows_per_second": round(rows / (per_sample * samples)), "seconds_per_epoch": round(per_sample * samples / rows * units, 2),
        "steps": n, "seconds_per_step": round(per_sample * samples / n, 6), "sampling_share": round(share, 4),
        "torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--seconds", type=int, default=9, help="a case, without setting up")
    parse.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parse.add_argument("--only", default="", help="cases whose name, for example gmf/adam/1024, holds this text")
    parse.add_argument("--list", action="store_true")
    args = parse.parse_args()
    chosen = [c for c in CASES if args.only in "%s/%s/%d" % c]
    if args.list:
        print("\n".join("%s/%s/%d" % c for c in chosen))
        return
    torch.set_num_threads(args.threads)
    keys = random_positives(np.random.default_rng(7))
    assert len(keys) == P and keys[-1] < U * I
    for c in chosen:
        run(*c, keys, args.seconds)


if __name__ == "__main__":
    main()
