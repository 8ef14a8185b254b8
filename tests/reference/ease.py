#!/usr/bin/env python3
"""ease.py - EASE^R in float64, written from the paper (Steck, WWW 2019), and the golden file made with it.

Usage: ease.py > ../golden/ease.txt

Plain NumPy on dense matrices: the full Gram matrix, its inverse, B in full. It shares nothing with the library but the
meaning of the parameters. Each case of the golden file holds the data, B, the condition number of the Gram matrix (for
the error bound), and scores of histories that are folded in.
"""
import numpy as np


def normalise(R, how):
    """Rows, then columns, by L2 norm; zero rows and columns stay. Returns the matrix and the column scales."""
    col = np.ones(R.shape[1])
    if how in ("rows", "both"):
        norm = np.sqrt((R * R).sum(1))
        R = R * np.where(norm > 0, 1 / np.where(norm > 0, norm, 1), 0)[:, None]
    if how in ("columns", "both"):
        norm = np.sqrt((R * R).sum(0))
        col = np.where(norm > 0, 1 / np.where(norm > 0, norm, 1), 0)
        R = R * col
    return R, col


def fit(values, l2, what, how, top_k):
    R = (values != 0).astype(float) if what == "binary" else values
    R, col = normalise(R, how)
    G = R.T @ R + l2 * np.eye(R.shape[1])
    P = np.linalg.inv(G)
    B = -P / np.diag(P)[None, :]
    np.fill_diagonal(B, 0)
    if top_k:
        for j in range(B.shape[1]):
            order = np.argsort(-np.abs(B[:, j]), kind="stable")
            B[order[top_k:], j] = 0
    return B, col, np.linalg.cond(G)


def is_clear(B, top_k, bound):
    """Whether rounding cannot change which entries of a column are the largest: gaps above the bound, or zeros."""
    a = -np.sort(-np.abs(B), axis=0)
    return bool(np.all((a[top_k - 1] - a[top_k] > bound) | (a[top_k - 1] == 0)))


def fold_in(history, what, how, col, B):
    x = (history != 0).astype(float) if what == "binary" else history
    if how in ("rows", "both"):
        norm = np.sqrt((x * x).sum())
        x = x / norm if norm > 0 else x
    return (x * col) @ B


def number(v):
    return "%.9g" % v


def main():
    cases = []
    for n_items, n_users in ((7, 12), (23, 40), (150, 120)):
        for what in ("binary", "given"):
            for how in ("none", "rows", "columns", "both"):
                for top_k in (0, 3):
                    if n_items == 150 and (how in ("rows", "columns") or top_k):
                        continue
                    cases.append((n_users, n_items, what, how, top_k))
    print("cases", len(cases))
    for c, (n_users, n_items, what, how, top_k) in enumerate(cases):
        for attempt in range(1000):
            rng = np.random.default_rng((c, attempt))
            taste = 0.1 + rng.random(n_items) ** 2 * 0.5
            values = (rng.random((n_users, n_items)) < taste) * rng.integers(1, 6, (n_users, n_items)).astype(float)
            values[0] = 0          # a user without events
            values[:, -1] = 0      # an item without events
            l2 = 0.5
            if how in ("none", "rows"):
                l2 = 1000.0 if (n_items, what) == (150, "given") else float(rng.choice([0.5, 3.0, 20.0]))
            B, col, cond = fit(values, l2, what, how, 0)
            if top_k == 0 or is_clear(B, top_k, 8 * n_items * 2.0**-24 * cond * np.abs(B).max()):
                break
        else:
            raise SystemExit("no data without near ties in " + str(cases[c]))
        B, col, cond = fit(values, l2, what, how, top_k)
        print("case", n_users, n_items, f"l2={l2:g},values={what},normalize={how},top_k={top_k}", number(cond))
        events = np.argwhere(values)
        print("events", len(events), *(f"{u} {i} {values[u, i]:g}" for u, i in events))
        rows = range(n_items) if n_items < 100 else range(0, n_items, 37)
        print("weights", len(rows), *(" ".join([str(r)] + [number(v) for v in B[r]]) for r in rows))
        queries = 3
        print("queries", queries)
        for q in range(queries):
            history = np.zeros(n_items)
            chosen = rng.choice(n_items, size=[0, 4, 6][q], replace=False)
            history[chosen] = rng.integers(1, 6, len(chosen))
            print("history", len(chosen), *(f"{i} {history[i]:g}" for i in chosen))
            print("scores", *(number(v) for v in fold_in(history, what, how, col, B)))


main()
