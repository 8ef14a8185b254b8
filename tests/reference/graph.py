#!/usr/bin/env python3
"""graph.py - LightGCN and GF-CF in float64, and the golden files made with them.

Usage: graph.py FOLDER          writes FOLDER/lightgcn.txt and FOLDER/gf-cf.txt (FOLDER: ../golden)

Plain NumPy with dense matrices, written from the papers; stepwise.py says how steps are taken and checked, and the format.
U users, I items, d_u and d_i the number of different items of a user and users of an item, B positives of a batch.

LightGCN. He et al., SIGIR 2020, eq. 3, 4, 8 and 15. A is (U + I) x (U + I), symmetric, 1 / sqrt(d_u d_i) where user u has item
i. E0 = [user_embedding; item_embedding], E(l+1) = A El, X = (E0 + ... + EL) / (L + 1); the score of u and i is x_u . x_i. An
isolated node has x = e0 / (L + 1).
  loss = 1/(B n) sum over b, j of softplus(x_u . x_j - x_u . x_i) + decay / 2 (|e0_u|^2 + |e0_i|^2 + |e0_j|^2)
for positives (u, i) and their n negatives j: so that n negatives count as n samples of (u, i, j), of which it is the mean.
A history H of somebody whom the graph does not have: the mean over the layers of what the propagation would bring to his node
if it changed nothing for the items, with his own e0 taken as zero:
  u = 1/(L+1) sum over l = 1..L of sum over i in H of E(l-1)_i / sqrt(|H| d_i)
(fold_in "layers"), or, of the final vectors alone,
  u = sum over i in H of x_i / sqrt(|H| d_i)                                                              (fold_in "vectors").
An item that nobody has (d_i = 0) has no edge, and brings nothing. |H| counts it.

GF-CF. Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021. R has the values (1 without), degrees
are sums of values. R~ = D_U^-1/2 R D_I^-1/2, V the k right singular vectors of R~ of the largest singular values, r a row:
  scores = r R~' R~ + alpha r D_I^-1/2 V V' D_I^1/2
with guard g: 1/sqrt(d_u) + g and 1/(sqrt(d_i) + g) for -1/2, and no guard in D_I^1/2. Users and items of degree 0: 0 for all
powers.

Keys: lightgcn: n_negatives, fold_in. gf-cf: n_histories; relative_gap, the distance of the singular values at the cut over the
first one; there are no steps, and float32_error is that of the same formulas in float32.
Arrays beside those of stepwise.py:
  interactions                  U x I: 1 (gf-cf: the value) where the user has the item, else 0
  histories                     H x I: likewise, of whom the model does not know
  fold_in1, fold_in5            lightgcn: H x I scores of the histories after one and five steps
  user_vector1, item_vector1, user_vector5, item_vector5        lightgcn: X
  batchT.users, batchT.items    1 x B; batchT.negatives  B x n
  scores, fold_in               gf-cf: U x I and H x I
The last user and the last item are isolated. In lightgcn item 8 is a negative in batch 0, so that there its layer 0 moves.
"""
import sys

import numpy as np

from stepwise import STEPS, scatter, settings, sigmoid, softplus, torch, write_file, write_model

U, I = 7, 9


# ---- LightGCN

class LightGCN:
    name = "lightgcn"

    def data(self, rng, case):
        r = np.zeros((U, I))
        for u in range(U - 1):
            r[u, rng.permutation(I - 1)[:2 + u % 3]] = 1
        while (r[:, :I - 1].sum(0) == 0).any():
            lonely = np.flatnonzero(r[:, :I - 1].sum(0) == 0)[0]
            r[rng.integers(0, U - 1), lonely] = 1
        histories = np.zeros((5, I))
        histories[0, rng.permutation(I - 1)[:3]] = 1
        histories[1] = r[2]
        histories[2, [1, 4, I - 1]] = 1  # with an isolated item
        histories[3, 5] = 1
        histories[4, I - 1] = 1          # of nothing else
        return {"interactions": r, "histories": histories}

    def shapes(self, case):
        return {"user_embedding": (U, case["_dim"]), "item_embedding": (I, case["_dim"])}

    def batch(self, rng, case, t):
        r, n = case["data"]["interactions"], case["n_negatives"]
        at = rng.permutation(np.argwhere(r > 0))[:9]
        at = np.concatenate([at, at[:1]])  # one of them twice
        negatives = np.array([rng.choice(np.flatnonzero(r[u, :I - 1] == 0), n, replace=n > 4) for u, _ in at])
        if t == 0:
            negatives[2, 0] = I - 1
        return {"users": at[:, 0], "items": at[:, 1], "negatives": negatives}

    def graph(self, case, real):
        r = case["data"]["interactions"]
        edges = np.zeros((U + I, U + I))
        for u, i in np.argwhere(r > 0):
            edges[u, U + i] = edges[U + i, u] = 1 / np.sqrt(r[u].sum() * r[:, i].sum())
        return edges.astype(real)

    def layers(self, case, w):
        """E0 to EL."""
        a = self.graph(case, w["user_embedding"].dtype.type)
        e = [np.concatenate([w["user_embedding"], w["item_embedding"]])]
        for _ in range(case["_layers"]):
            e.append(a @ e[-1])
        return e

    def loss(self, case, w, batch):
        real = w["user_embedding"].dtype.type
        e = self.layers(case, w)
        x = sum(e) / real(len(e))
        j = batch["negatives"].ravel() + U
        u = np.repeat(batch["users"], case["n_negatives"])
        i = np.repeat(batch["items"], case["n_negatives"]) + U
        difference = (x[u] * (x[j] - x[i])).sum(1)
        decay, n = real(case["_decay"]), real(len(u))
        squares = sum((e[0][k] ** 2).sum() for k in (u, i, j))
        value = softplus(difference).sum() / n + decay / 2 * squares / n

        slope = (sigmoid(difference) / n)[:, None]
        gx = scatter(U + I, u, slope * (x[j] - x[i])) + scatter(U + I, j, slope * x[u]) - scatter(U + I, i, slope * x[u])
        a = self.graph(case, real)
        g = back = gx
        for _ in range(case["_layers"]):  # A is symmetric
            back = a @ back
            g = g + back
        g = g / real(len(e))
        for k in (u, i, j):
            g = g + scatter(U + I, k, decay / n * e[0][k])
        return value, {"user_embedding": g[:U], "item_embedding": g[U:]}, np.inf

    def fold_in(self, case, e, x, real):
        h = case["data"]["histories"].astype(real)
        degree = case["data"]["interactions"].sum(0).astype(real)
        share = np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1)), 0).astype(real)
        norm = np.sqrt(np.maximum(h.sum(1), 1))[:, None]
        if case["fold_in"] == "vectors":
            u = (h * share) @ x[U:] / norm
        else:
            u = sum(((h * share) @ layer[U:] / norm for layer in e[:-1]), np.zeros((len(h), x.shape[1]), real)) / real(len(e))
        return u @ x[U:].T

    def outputs(self, case, w):
        real = w["user_embedding"].dtype.type
        e = self.layers(case, w)
        x = sum(e) / real(len(e))
        return {"scores": x[:U] @ x[U:].T, "user_vector": x[:U], "item_vector": x[U:],
                "fold_in": self.fold_in(case, e, x, real)}

    def torch_loss(self, case, w, batch):
        r = torch.as_tensor(case["data"]["interactions"])
        both = torch.zeros(U + I, U + I, dtype=torch.float64)
        both[:U, U:] = r
        both[U:, :U] = r.T
        power = both.sum(1).clamp(min=1) ** -0.5
        a = (power[:, None] * both * power).to_sparse()
        e = [torch.cat([w["user_embedding"], w["item_embedding"]])]
        for _ in range(case["_layers"]):
            e.append(torch.sparse.mm(a, e[-1]))
        users, items = torch.stack(e, 1).mean(1).split([U, I])
        u, i, j = users[batch["users"]], items[batch["items"]], items[batch["negatives"]]
        bpr = torch.nn.functional.softplus((u[:, None] * j).sum(-1) - (u * i).sum(-1)[:, None]).mean()
        u, i, j = (w["user_embedding"][batch["users"]], w["item_embedding"][batch["items"]],
                   w["item_embedding"][batch["negatives"]])
        squares = u.pow(2).sum() + i.pow(2).sum() + j.pow(2).sum() / case["n_negatives"]
        return bpr + case["_decay"] * 0.5 * squares / len(u)

    def cases(self):
        def case(name, layers, dim=4, decay=0.0625, n_negatives=1, **more):
            params = "dim=%d,layers=%d,decay=%s" % (dim, layers, repr(decay))
            return settings("lightgcn", name, params, U, I, n_negatives=n_negatives, fold_in=FOLD_IN, _dim=dim, _layers=layers,
                            _decay=decay, **more)
        for layers in range(4):
            yield case("layers_%d" % layers, layers)
        yield case("layers_2_dim_5_without_decay", 2, dim=5, decay=0.0)
        yield case("layers_3_negatives_3", 3, n_negatives=3)
        yield case("layers_1_negatives_2_dim_3", 1, dim=3, n_negatives=2)
        yield case("layers_2_sgd", 2, optimizer="sgd", lr=0.5)


FOLD_IN = "layers"


# ---- GF-CF

def gf_cf(case, real):
    r, histories = case["data"]["interactions"].astype(real), case["data"]["histories"].astype(real)
    guard, k = real(case["_guard"]), case["_factors"]
    with np.errstate(divide="ignore"):
        user = np.where(r.sum(1) > 0, 1 / np.sqrt(r.sum(1)) + guard, 0).astype(real)
        item = np.where(r.sum(0) > 0, 1 / (np.sqrt(r.sum(0)) + guard), 0).astype(real)
    smooth = user[:, None] * r * item
    _, s, vt = np.linalg.svd(smooth, full_matrices=False)
    low = vt[:k].T @ vt[:k]

    def scores(h):
        return h @ smooth.T @ smooth + real(case["_alpha"]) * ((h * item) @ low * np.sqrt(r.sum(0)))
    gap = (s[k - 1] - (s[k] if k < len(s) else 0)) / s[0] if k > 0 else 1.0
    return {"scores": scores(r), "fold_in": scores(histories)}, s, gap


def check_gf_cf(case, out):
    """The same by another way: eigenvectors of R~'R~, one row and one column at a time."""
    r, k = case["data"]["interactions"], case["_factors"]
    du, di, g = r.sum(1), r.sum(0), case["_guard"]
    smooth = np.zeros(r.shape)
    for u, i in np.argwhere(r != 0):
        smooth[u, i] = r[u, i] * (1 / du[u] ** 0.5 + g) / (di[i] ** 0.5 + g)
    values, vectors = np.linalg.eigh(smooth.T @ smooth)
    v = vectors[:, np.argsort(-values)[:k]]
    for h, want in zip(case["data"]["histories"], out["fold_in"]):
        signal = np.array([h[i] / (di[i] ** 0.5 + g) if di[i] > 0 else 0 for i in range(len(h))])
        got = smooth.T @ (smooth @ h) + case["_alpha"] * (v @ (v.T @ signal)) * di ** 0.5
        assert np.allclose(got, want, rtol=1e-9, atol=1e-11), case["name"]
    if torch is not None:
        _, _, v = torch.svd(torch.as_tensor(smooth))
        v = v[:, :k].numpy()
        signal = r * np.divide(1, di ** 0.5 + g, where=di > 0, out=np.zeros_like(di))
        got = r @ smooth.T @ smooth + case["_alpha"] * signal @ v @ v.T @ np.diag(di ** 0.5)
        assert np.allclose(got, out["scores"], rtol=1e-9, atol=1e-11), case["name"]


def gf_cf_data(rng, kind):
    users, items = 17, 13
    r = (rng.random((users, items)) < 0.3).astype(float)
    if kind == "low_rank":  # items 5 to 8 are those of 0 to 3 once more, 9 to 11 are of nobody but the last users
        r[:, 5:9] = r[:, 0:4]
        r[:, 9:12] = 0
        r[users - 2, 9:12] = 1
    r[users - 1], r[:, items - 1] = 0, 0
    for u in range(users - 1):
        if r[u].sum() == 0:
            r[u, u % (items - 1)] = 1
    for i in range(items - 1):
        if r[:, i].sum() == 0:
            r[(3 * i) % (users - 1), i] = 1
    histories = np.zeros((5, items))
    histories[0, rng.permutation(items - 1)[:4]] = 1
    histories[1] = r[3]
    histories[2, [0, 2, items - 1]] = 1  # with an item that nobody has
    histories[3, items - 1] = 1          # of nothing else
    if kind == "values":
        r *= rng.integers(1, 11, r.shape) / 2
        histories *= rng.integers(1, 11, histories.shape) / 2
    return {"interactions": r, "histories": histories}


def gf_cf_case(number, name, kind, factors, alpha, guard):
    for attempt in range(1000):
        data = gf_cf_data(np.random.default_rng([number, attempt]), kind)
        users, items = data["interactions"].shape
        case = {"name": name, "model": "gf-cf", "n_users": users, "n_items": items, "n_histories": len(data["histories"]),
                "data": data, "_alpha": alpha, "_guard": guard, "_factors": 0}
        rank = np.linalg.matrix_rank(np.diag(gf_cf(case, np.float64)[1]))
        case["_factors"] = rank if factors == "rank" else factors
        out, _, gap = gf_cf(case, np.float64)
        if gap > 0.04:
            break
    else:
        raise RuntimeError("no clear draw for " + name)
    case["params"] = "factors=%d,alpha=%s,guard=%s" % (case["_factors"], repr(alpha), repr(guard))
    check_gf_cf(case, out)
    rough = gf_cf(case, np.float32)[0]
    case["float32_error"] = float("%.2g" % max(np.abs(out[k] - rough[k]).max() for k in out))
    case["relative_gap"] = float("%.2g" % gap)
    return case, dict(data, **out)


def gf_cf_cases():
    number = 2000
    for name, kind, factors, alpha, guard in (
            ("linear_by_factors", "binary", 0, 0.3, 0.0), ("linear_by_alpha", "binary", 3, 0.0, 0.0),
            ("factors_3", "binary", 3, 0.3, 0.0), ("factors_3_alpha_1", "binary", 3, 1.0, 0.0),
            ("factors_1", "binary", 1, 1.0, 0.0), ("factors_all", "binary", "rank", 0.3, 0.0),
            ("factors_all_alpha_1", "binary", "rank", 1.0, 0.0), ("low_rank_all", "low_rank", "rank", 0.3, 0.0),
            ("guard", "binary", 3, 1.0, 1e-6), ("large_guard", "binary", 3, 0.3, 0.25),
            ("values", "values", 3, 0.3, 0.0), ("values_all_guard", "values", "rank", 1.0, 1e-6),
            ("values_linear", "values", 0, 1.0, 0.125)):
        number += 1
        yield gf_cf_case(number, name, kind, factors, alpha, guard)


def main():
    folder = sys.argv[1]
    write_model(folder, "graph.py", LightGCN(), 1000)
    write_file(folder, "gf-cf", "graph.py", list(gf_cf_cases()))


if __name__ == "__main__":
    main()
