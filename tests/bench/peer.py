"""peer.py - what the PyTorch and scikit-learn programs share that the library is compared with: data, metrics, model files.

Data are pairs of whole-number ids, one a line, with tabs between, compressed or not; further columns are not looked at. As in
the library, users and items are those of the training data: a test item that training lacks stays in the denominators, a test
user whom it lacks is left out. Recall@K is hits / |test|; the ideal of NDCG@K is that of min(K, |test|) hits.

`write_vectors` writes vectors as a model file of the library (docs/model-file.md), so that both sides are measured by the same
evaluator: `recsys evaluate FILE --train TRAIN --mask VALID --test TEST --columns user,item --cutoffs 20`. """
import gzip
import json
import os
import struct
import time
import zlib

import numpy as np


def read_pairs(paths):
    """Distinct pairs of all files, an array of two columns, sorted."""
    parts = []
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="ascii") as f:
            parts.append(np.loadtxt(f, dtype=np.int64, delimiter="\t", usecols=(0, 1), ndmin=2))
    return np.unique(np.concatenate(parts), axis=0)


def places(ids, values):
    """The place of each value in the sorted `ids`, -1 where it is missing."""
    at = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    return np.where(ids[at] == values, at, -1)


class Data:
    """Training pairs by index: users[p], items[p], sorted; user u has the pairs ptr[u] to ptr[u + 1]."""

    def __init__(self, train):
        pairs = read_pairs(train)
        self.user_ids, self.users = np.unique(pairs[:, 0], return_inverse=True)
        self.item_ids, self.items = np.unique(pairs[:, 1], return_inverse=True)
        self.n_users, self.n_items, self.n = len(self.user_ids), len(self.item_ids), len(pairs)
        self.ptr = np.concatenate([[0], np.cumsum(np.bincount(self.users, minlength=self.n_users))])
        self.keys = self.users * self.n_items + self.items

    def row(self, u):
        return self.items[self.ptr[u]:self.ptr[u + 1]]

    def held_out(self, paths):
        """user -> indices of held-out items, -1 for those that training lacks."""
        if not paths:
            return {}
        pairs = read_pairs(paths)
        users, items = places(self.user_ids, pairs[:, 0]), places(self.item_ids, pairs[:, 1])
        out = {}
        for u, i in zip(users.tolist(), items.tolist()):
            if u >= 0:
                out.setdefault(u, []).append(i)
        return out

    def draw_negatives(self, rng, users):
        """An item for each of `users` that the user does not have."""
        items = rng.integers(0, self.n_items, len(users))
        again = np.arange(len(users))
        while len(again):
            k = users[again] * self.n_items + items[again]
            at = np.minimum(np.searchsorted(self.keys, k), self.n - 1)
            again = again[self.keys[at] == k]
            items[again] = rng.integers(0, self.n_items, len(again))
        return items


def evaluate(data, test, scores, mask=None, k=20, block=512):
    """Mean Recall@k and NDCG@k. `scores(users)` gives a row of scores of all items for each user, as a torch tensor."""
    import torch
    mask = mask or {}
    users = np.array(sorted(test))
    gain = 1 / np.log2(np.arange(k) + 2)
    recall, ndcg = 0.0, 0.0
    for begin in range(0, len(users), block):
        part = users[begin:begin + block]
        with torch.no_grad():
            s = scores(part).clone()
            hidden = [np.concatenate([data.row(u), [i for i in mask.get(u, []) if i >= 0]]) for u in part]
            at = np.repeat(np.arange(len(part)), [len(h) for h in hidden])
            s[torch.from_numpy(at), torch.from_numpy(np.concatenate(hidden).astype(np.int64))] = -np.inf
            lists = s.topk(k).indices.numpy()
        for u, row in zip(part, lists):
            hit = np.isin(row, test[u])
            recall += hit.sum() / len(test[u])
            ndcg += gain[hit].sum() / gain[:min(k, len(test[u]))].sum()
    return recall / len(users), ndcg / len(users)


def write_vectors(path, data, user_vectors, item_vectors):
    """Vectors whose inner products are the scores, as a model file of kind `embeddings`."""
    tensors = {"user_ids": data.user_ids.astype("<i8"), "item_ids": data.item_ids.astype("<i8"),
               "user_embedding": np.ascontiguousarray(user_vectors, "<f4"),
               "item_embedding": np.ascontiguousarray(item_vectors, "<f4")}
    meta = {"format": "recsys-model", "format_version": "1", "library": "peer", "model": "embeddings", "params": "",
            "user_id_type": "int", "item_id_type": "int"}
    head, at = {"__metadata__": meta}, 0
    for name, t in tensors.items():
        meta["crc32." + name] = f"{zlib.crc32(t.tobytes()):08x}"
        head[name] = {"dtype": "I64" if t.dtype == np.int64 else "F32", "shape": list(t.shape),
                      "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    own = "crc32.__header__"
    meta[own] = "0" * 8
    text = json.dumps(head)
    wide = tensors["user_ids"].nbytes + tensors["item_ids"].nbytes  # the first tensor of 4-byte elements begins at a page
    text += " " * (-(8 + len(text) + wide) % 4096)
    raw = struct.pack("<Q", len(text)) + text.encode()
    raw = raw.replace(f'"{own}": "00000000"'.encode(), f'"{own}": "{zlib.crc32(raw):08x}"'.encode())
    with open(path, "wb") as f:
        f.write(raw)
        for t in tensors.values():
            f.write(t.tobytes())


def say(**what):
    """A JSON line."""
    print(json.dumps(what), flush=True)


def time_steps(name, step, n, **more):
    """Times n calls of `step` after three that do not count; `step` gives the number of samples it took."""
    for _ in range(3):
        step()
    seconds, samples = [], 0
    for _ in range(n):
        begin = time.perf_counter()
        samples = step()
        seconds.append(time.perf_counter() - begin)
    say(bench=name, seconds_per_step=round(min(seconds), 6), median_seconds_per_step=round(float(np.median(seconds)), 6), steps=n,
        samples_per_second=round(samples / min(seconds)), **more)


def add_data_options(parse, train=None):
    parse.add_argument("--train", nargs="+", default=train, required=train is None, metavar="FILE")
    parse.add_argument("--valid", nargs="+", default=[], metavar="FILE", help="held-out pairs: masked at test")
    parse.add_argument("--test", nargs="+", default=[], metavar="FILE")
    parse.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parse.add_argument("--seed", type=int, default=1)
