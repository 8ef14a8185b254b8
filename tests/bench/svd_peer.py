#!/usr/bin/env python3
"""svd_peer.py - the fit of GF-CF with scikit-learn's randomized_svd, to compare the library's with.

Shen, Wu, Zhang, Shan, Zhang, Letaief, Li, "How Powerful is Graph Convolution for Recommendation?", CIKM 2021: R~ = Du^-1/2 R Di^-1/2,
scores r R~'R~ + alpha r Di^-1/2 V V' Di^1/2 with V the first k right singular vectors of R~.

    svd_peer.py --train train.tsv.gz [--iterations 4 7] [--runs 3] [--test test.tsv.gz]

Times the decomposition of R~, in float32, once for each number of power iterations and run, and prints a JSON line with the least
time and the sum of the k squared singular values, which grows with accuracy. With test data it also prints Recall@20 and NDCG@20.
Needs numpy, scipy and scikit-learn; with test data torch."""
import argparse
import os
import sys
import time

import numpy as np

import peer


def normalised(data):
    import scipy.sparse as sp
    users = np.bincount(data.users, minlength=data.n_users)
    items = np.bincount(data.items, minlength=data.n_items)
    values = 1 / np.sqrt(users[data.users] * items[data.items].astype(float))
    return sp.csr_matrix((values.astype(np.float32), data.items, data.ptr), shape=(data.n_users, data.n_items)), items


def figures(data, r, degree, v, args):
    import scipy.sparse as sp
    import torch
    ones = sp.csr_matrix((np.ones(data.n, np.float32), data.items, data.ptr), shape=r.shape)
    root = np.sqrt(degree).astype(np.float32)
    right = torch.from_numpy(np.ascontiguousarray(v * root))  # k x items
    left = torch.from_numpy(np.asarray((ones @ sp.diags(1 / root)) @ v.T))  # users x k

    def scores(users):
        linear = (ones[users] @ r.T @ r).toarray() if args.linear else 0
        return torch.from_numpy(np.asarray(linear + args.alpha * (left[torch.from_numpy(users)] @ right).numpy(), np.float32))
    return peer.evaluate(data, data.held_out(args.test), scores, data.held_out(args.valid))


def main():
    parse = argparse.ArgumentParser()
    peer.add_data_options(parse)
    parse.add_argument("--factors", type=int, default=256)
    parse.add_argument("--iterations", type=int, nargs="+", default=[4, 7])
    parse.add_argument("--oversampling", type=int, default=10)
    parse.add_argument("--alpha", type=float, default=0.3)
    parse.add_argument("--linear", type=int, default=1, help="0: without the linear filter")
    parse.add_argument("--runs", type=int, default=3)
    args = parse.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if os.environ.get(name) != str(args.threads):  # read when the libraries are loaded
            os.environ.update({n: str(args.threads) for n in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")})
            os.execv(sys.executable, [sys.executable, *sys.argv])
    import sklearn
    from sklearn.utils.extmath import randomized_svd
    data = peer.Data(args.train)
    r, degree = normalised(data)
    for n in args.iterations:
        seconds = []
        for run in range(args.runs):
            begin = time.perf_counter()
            _, s, v = randomized_svd(r, n_components=args.factors, n_oversamples=args.oversampling, n_iter=n, random_state=args.seed)
            seconds.append(time.perf_counter() - begin)
        more = {}
        if args.test:
            recall, ndcg = figures(data, r, degree, v, args)
            more = {"recall20": round(recall, 6), "ndcg20": round(ndcg, 6), "alpha": args.alpha}
        peer.say(bench="sklearn_randomized_svd", users=data.n_users, items=data.n_items, factors=args.factors, power_iterations=n,
                 oversampling=args.oversampling, seconds=round(min(seconds), 3), all_seconds=[round(x, 3) for x in seconds],
                 energy=round(float((s.astype(float) ** 2).sum()), 4), type=str(v.dtype), sklearn=sklearn.__version__, threads=args.threads, **more)


if __name__ == "__main__":
    main()
