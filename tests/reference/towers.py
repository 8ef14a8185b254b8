#!/usr/bin/env python3
"""towers.py - the two-tower recommenders in float64, and the golden files made with them.

Usage: towers.py FOLDER         writes FOLDER/two-tower-concat.txt and FOLDER/two-tower-product.txt (FOLDER: ../golden)

Plain NumPy; stepwise.py says how steps are taken and checked, and the format. U users, I items, B rows of a batch, layers =
n0:n1:...:nL. Weights are out x in, embeddings have n0/2 columns. With features the input of a user or an item is
  p_u = user_embedding_u + sum over its features f of value_uf / top user_feature_weight_f, q_i likewise,
top being the largest magnitude in the table of features.

two-tower-concat: z0 = [p_u ; q_i] of n0 columns, zl = max(0, layerl_weight z(l-1) + layerl_bias), layer l from n(l-1) to nl;
  x = predict_weight . zL + predict_bias.

two-tower-product: each side has layers of its own from n0/2 to n1 to ... nL: user_layerl_weight, item_layerl_weight and so on,
with ReLU; but the last layer has none in the retrieval form, output=dot and output=cosine. With a and b the last of both sides
  linear   x = predict_weight . (a * b) + predict_bias
  dot      x = a . b
  cosine   x = a . b / (|a| |b| temperature)

Losses. pairs (and two-tower-concat): rows are (user, item, label), the mean of softplus(x) - label x.
Sampled softmax: rows are positives (user, item); the candidates of row b are its own item and others, and the loss is
  1/B sum over b of - log(exp(s_b,own) / sum over its candidates c of exp(s_bc)),  s_bc = x(user_b, c) - log q_c if log_q=1
(Bengio and Senecal, 2008; Yi et al., RecSys 2019, eq. 3: q is the probability with which c came to be a candidate). A candidate
that is the own item of the row once more is none.
  in-batch  the others are the items of the other rows; q_c = (events of c) / P, P training events; so has the own item
  shared    the others are N items drawn for the whole batch, q_c = the probability of a draw, (events of c)^popularity over
            the sum of that over all items. The own item has the q of a draw as well, by which uniform draws (popularity 0)
            leave the loss as it is without log_q.

Scores are x (without log q); those of pairs come from the same x.
Keys: those of stepwise.py, objective (pairs, in-batch, shared), output (linear, dot, cosine), temperature, log_q, popularity.
Arrays beside those of stepwise.py:
  user_features, item_features  U x F and I x F; 0: none. The largest magnitude is 1 in the first and 4 in the second
  interactions                  U x I: 1 for each event of the training data, for q
  batchT.users, batchT.items    1 x B; batchT.labels  1 x B (pairs); batchT.shared  1 x N
User 6 is in no batch; item 8 only in batch 0; user 5 only in batches 0 and 4. Where output=dot meets a softmax, the last bias
of the item side adds the same to all logits of a row and has no gradient but rounding, which Adam would make steps of here: eps
is large there. The library leaves it out of that loss.
"""
import sys

import numpy as np

from stepwise import STEPS, log_softmax, scatter, settings, sigmoid, softplus, torch, write_model

U, I, FU, FI = 7, 9, 3, 4


def features(rng, n, columns, top):
    """Sparse, on a grid; one row has none, and the largest magnitude is `top`."""
    out = np.round(rng.uniform(-1, 1, (n, columns)) * 16) / 16 * (rng.random((n, columns)) < 0.5)
    out[1] = 0
    out[0, 0], out[2, columns - 1] = -1, 0.5
    return top * out


class Towers:
    def data(self, rng, case):
        r = np.zeros((U, I))
        for u in range(U):
            r[u, rng.permutation(I)[:2 + u % 4]] = 1
        while (r.sum(0) == 0).any():
            r[rng.integers(0, U), np.flatnonzero(r.sum(0) == 0)[0]] = 1
        out = {"interactions": r}
        if case["_features"]:
            out["user_features"], out["item_features"] = features(rng, U, FU, 1), features(rng, I, FI, 4)
        return out

    def embedding_shapes(self, case):
        e = case["_layers"][0] // 2
        out = {"user_embedding": (U, e), "item_embedding": (I, e)}
        if case["_features"]:
            out["user_feature_weight"], out["item_feature_weight"] = (FU, e), (FI, e)
        return out

    def batch(self, rng, case, t):
        n = 10
        users, items = rng.integers(0, 5, n), rng.integers(0, 8, n)
        if t in (0, STEPS - 1):
            users[0], users[7] = 5, 5
        if t == 0:
            items[0], items[3] = 8, 8
        if case["objective"] == "pairs":
            return {"users": users, "items": items, "labels": (rng.permutation(n) < 4).astype(float)}
        items[5] = items[2]  # of different rows
        users[5] = (users[2] + 1) % 5
        users[9], items[9] = users[1], items[1]  # the same positive twice
        if case["objective"] == "in-batch":
            return {"users": users, "items": items}
        shared = rng.permutation(I - 1)[:6]
        shared[4] = shared[1]  # drawn twice
        shared[5] = items[6] if items[6] < 8 else items[4]
        return {"users": users, "items": items, "shared": shared}

    def scaled(self, case, name, real):
        table = case["data"][name]
        return (table / np.abs(table).max()).astype(real)

    def inputs(self, case, w, users, items):
        p, q = w["user_embedding"][users], w["item_embedding"][items]
        if case["_features"]:
            p = p + self.scaled(case, "user_features", p.dtype)[users] @ w["user_feature_weight"]
            q = q + self.scaled(case, "item_features", p.dtype)[items] @ w["item_feature_weight"]
        return p, q

    def inputs_back(self, case, users, items, gp, gq):
        out = {"user_embedding": scatter(U, users, gp), "item_embedding": scatter(I, items, gq)}
        if case["_features"]:
            out["user_feature_weight"] = self.scaled(case, "user_features", gp.dtype)[users].T @ gp
            out["item_feature_weight"] = self.scaled(case, "item_features", gq.dtype)[items].T @ gq
        return out

    def torch_inputs(self, case, w, users, items):
        p, q = w["user_embedding"][users], w["item_embedding"][items]
        if case["_features"]:
            p = p + torch.as_tensor(case["data"]["user_features"])[users] @ w["user_feature_weight"]
            q = q + torch.as_tensor(case["data"]["item_features"])[items] / 4 @ w["item_feature_weight"]
        return p, q


def chain(w, prefix, z, n, last_relu=True):
    """Layers 1 to n: their inputs and the result, and the nearest kink."""
    out, margin = [z], np.inf
    for l in range(1, n + 1):
        a = out[-1] @ w["%slayer%d_weight" % (prefix, l)].T + w["%slayer%d_bias" % (prefix, l)]
        if l < n or last_relu:
            margin = min(margin, np.abs(a).min())
            a = np.maximum(a, 0)
        out.append(a)
    return out, margin


def chain_back(w, prefix, z, g, last_relu=True):
    out, n = {}, len(z) - 1
    for l in range(n, 0, -1):
        if l < n or last_relu:
            g = g * (z[l] > 0)
        out["%slayer%d_weight" % (prefix, l)] = g.T @ z[l - 1]
        out["%slayer%d_bias" % (prefix, l)] = g.sum(0)
        g = g @ w["%slayer%d_weight" % (prefix, l)]
    return out, g


def torch_chain(w, prefix, z, n, last_relu=True):
    for l in range(1, n + 1):
        z = torch.nn.functional.linear(z, w["%slayer%d_weight" % (prefix, l)], w["%slayer%d_bias" % (prefix, l)])
        z = torch.relu(z) if l < n or last_relu else z
    return z


class Concat(Towers):
    name = "two-tower-concat"

    def shapes(self, case):
        out, sizes = self.embedding_shapes(case), case["_layers"]
        for l, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
            out["layer%d_weight" % l], out["layer%d_bias" % l] = (n_out, n_in), (n_out,)
        out["predict_weight"], out["predict_bias"] = (sizes[-1],), (1,)
        return out

    def forward(self, case, w, users, items):
        z, margin = chain(w, "", np.concatenate(self.inputs(case, w, users, items), 1), len(case["_layers"]) - 1)
        return z[-1] @ w["predict_weight"] + w["predict_bias"][0], z, margin

    def loss(self, case, w, batch):
        x, z, margin = self.forward(case, w, batch["users"], batch["items"])
        y = batch["labels"].astype(x.dtype)
        n = x.dtype.type(len(x))
        g = (sigmoid(x) - y) / n
        out = {"predict_weight": z[-1].T @ g, "predict_bias": np.array([g.sum()])}
        rest, g = chain_back(w, "", z, g[:, None] * w["predict_weight"])
        out.update(rest)
        e = case["_layers"][0] // 2
        out.update(self.inputs_back(case, batch["users"], batch["items"], g[:, :e], g[:, e:]))
        return (softplus(x) - y * x).sum() / n, out, margin

    def outputs(self, case, w):
        users, items = np.divmod(np.arange(U * I), I)
        return {"scores": self.forward(case, w, users, items)[0].reshape(U, I)}

    def torch_loss(self, case, w, batch):
        z = torch.cat(self.torch_inputs(case, w, batch["users"], batch["items"]), 1)
        z = torch_chain(w, "", z, len(case["_layers"]) - 1)
        x = z @ w["predict_weight"] + w["predict_bias"]
        return torch.nn.functional.binary_cross_entropy_with_logits(x, batch["labels"])

    def cases(self):
        def case(name, layers, features=0, **more):
            params = "layers=%s,features=%d,loss=bce" % (":".join(map(str, layers)), features)
            return settings(self.name, name, params, U, I, objective="pairs", _layers=layers, _features=features, **more)
        yield case("layers_8_6_4", [8, 6, 4])
        yield case("layers_8_6_4_features", [8, 6, 4], features=1)
        yield case("layers_8", [8])
        yield case("layers_8_features", [8], features=1)
        yield case("layers_6_5", [6, 5])
        yield case("layers_8_6_4_3_features", [8, 6, 4, 3], features=1)
        yield case("layers_8_6_4_sgd", [8, 6, 4], optimizer="sgd", lr=0.25)
        yield case("layers_8_6_features_sgd", [8, 6], features=1, optimizer="sgd", lr=0.25)


class Product(Towers):
    name = "two-tower-product"

    def shapes(self, case):
        out, sizes = self.embedding_shapes(case), [case["_layers"][0] // 2] + case["_layers"][1:]
        for side in ("user_", "item_"):
            for l, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
                out["%slayer%d_weight" % (side, l)], out["%slayer%d_bias" % (side, l)] = (n_out, n_in), (n_out,)
        if case["output"] == "linear":
            out["predict_weight"], out["predict_bias"] = (sizes[-1],), (1,)
        return out

    def towers(self, case, w, users, items):
        p, q = self.inputs(case, w, users, items)
        n, relu = len(case["_layers"]) - 1, case["output"] == "linear"
        a, near_a = chain(w, "user_", p, n, relu)
        b, near_b = chain(w, "item_", q, n, relu)
        return a, b, min(near_a, near_b)

    def towers_back(self, case, w, users, items, a, b, ga, gb):
        relu = case["output"] == "linear"
        out, gp = chain_back(w, "user_", a, ga, relu)
        more, gq = chain_back(w, "item_", b, gb, relu)
        return dict(out, **more, **self.inputs_back(case, users, items, gp, gq))

    def join(self, case, w, a, b):
        """All pairs of rows of a and rows of b: x = left . right + c, and what leads back to a and b."""
        if case["output"] == "linear":
            return a * w["predict_weight"], b, w["predict_bias"][0]
        if case["output"] == "dot":
            return a, b, a.dtype.type(0)
        long_a, long_b = (np.sqrt((v * v).sum(1, keepdims=True)) for v in (a, b))
        return a / long_a / a.dtype.type(case["temperature"]), b / long_b, a.dtype.type(0)

    def join_back(self, case, w, a, b, left, right, g_left, g_right, gx):
        if case["output"] == "linear":
            return g_left * w["predict_weight"], g_right, {"predict_weight": (g_left * a).sum(0),
                                                           "predict_bias": np.array([gx.sum()])}
        if case["output"] == "dot":
            return g_left, g_right, {}
        t = a.dtype.type(case["temperature"])
        unit = left * t
        long_a, long_b = (np.sqrt((v * v).sum(1, keepdims=True)) for v in (a, b))
        ga = (g_left - unit * (g_left * unit).sum(1, keepdims=True)) / long_a / t
        gb = (g_right - right * (g_right * right).sum(1, keepdims=True)) / long_b
        return ga, gb, {}

    def q(self, case):
        """Of all items."""
        count = case["data"]["interactions"].sum(0)
        if case["objective"] == "shared":
            count = count ** case["popularity"]
        return count / count.sum()

    def loss(self, case, w, batch):
        real, users, items = w["user_embedding"].dtype.type, batch["users"], batch["items"]
        n = len(users)
        every = np.concatenate([items, batch["shared"]]) if case["objective"] == "shared" else items
        a, b, margin = self.towers(case, w, users, every)
        left, right, c = self.join(case, w, a[-1], b[-1])
        x = left @ right.T + c
        if case["objective"] == "pairs":
            x, y = np.diag(x), batch["labels"].astype(real)
            value, gx = (softplus(x) - y * x).sum() / real(n), np.diag((sigmoid(x) - y) / real(n))
        else:
            own = np.arange(n)
            counts = every[None, :] != items[:, None]
            if case["objective"] == "shared":
                counts[:, :n] = False
            counts[own, own] = True
            s = x
            if case["log_q"]:
                s = x - np.log(self.q(case)[every]).astype(real)
            p = log_softmax(np.where(counts, s, real(-1e30)))
            value = -p[own, own].sum() / real(n)
            gx = np.where(counts, np.exp(p), 0).astype(real)
            gx[own, own] -= 1
            gx = gx / real(n)
        g_left, g_right = gx @ right, gx.T @ left
        ga, gb, out = self.join_back(case, w, a[-1], b[-1], left, right, g_left, g_right, gx)
        return value, dict(out, **self.towers_back(case, w, users, every, a, b, ga, gb)), margin

    def outputs(self, case, w):
        a, b, _ = self.towers(case, w, np.arange(U), np.arange(I))
        left, right, c = self.join(case, w, a[-1], b[-1])
        return {"scores": left @ right.T + c}

    def torch_loss(self, case, w, batch):
        F = torch.nn.functional
        users, items, n = batch["users"], batch["items"], len(case["_layers"]) - 1

        def side(which, index):
            other = torch.zeros_like(index)
            z = self.torch_inputs(case, w, *((other, index) if which else (index, other)))[which]
            return torch_chain(w, ("user_", "item_")[which], z, n, case["output"] == "linear")

        def x(a, b):
            if case["output"] == "linear":
                return (a * b) @ w["predict_weight"] + w["predict_bias"]
            if case["output"] == "dot":
                return (a * b).sum(-1)
            return F.cosine_similarity(a, b, dim=-1) / case["temperature"]
        a, b = side(0, users), side(1, items)
        if case["objective"] == "pairs":
            return F.binary_cross_entropy_with_logits(x(a, b), batch["labels"])
        count, total = torch.as_tensor(case["data"]["interactions"]).sum(0), []
        for row in range(len(users)):
            candidates = [items[row]]
            if case["objective"] == "in-batch":
                candidates += [items[k] for k in range(len(users)) if items[k] != items[row]]
            else:
                candidates += [j for j in batch["shared"] if j != items[row]]
            candidates = torch.stack(candidates)
            s = x(a[row][None], side(1, candidates))
            if case["log_q"]:
                weight = count if case["objective"] == "in-batch" else count.pow(case["popularity"])
                s = s - torch.log(weight[candidates] / weight.sum())
            total.append(torch.logsumexp(s, 0) - s[0])
        return torch.stack(total).mean()

    def cases(self):
        def case(name, layers, objective, output, features=0, log_q=1, temperature=0.5, popularity=0.0,
                 **more):
            params = "layers=%s,features=%d,objective=%s,output=%s" % (":".join(map(str, layers)), features, objective, output)
            if output == "cosine":
                params += ",temperature=%s" % repr(temperature)
            if objective != "pairs":
                params += ",log_q=%d" % log_q
            if objective != "pairs" and output == "dot" and len(layers) > 1:
                more["eps"] = 0.001
            if objective == "shared":
                params += ",shared_negatives=6"
            return settings(self.name, name, params, U, I, objective=objective, output=output, temperature=temperature,
                            log_q=log_q, popularity=popularity, _layers=layers, _features=features, **more)
        yield case("pairs_linear", [8, 6, 4], "pairs", "linear")
        yield case("pairs_linear_features", [6, 4], "pairs", "linear", features=1)
        yield case("pairs_linear_without_layers", [8], "pairs", "linear")
        yield case("pairs_dot", [6, 5, 3], "pairs", "dot")
        yield case("pairs_linear_sgd", [6, 4], "pairs", "linear", optimizer="sgd", lr=0.25)
        yield case("in_batch_dot", [6, 5, 3], "in-batch", "dot")
        yield case("in_batch_dot_without_log_q", [6, 4], "in-batch", "dot", log_q=0)
        yield case("in_batch_cosine_features", [6, 5, 4], "in-batch", "cosine", features=1)
        yield case("in_batch_cosine_without_log_q", [6, 4], "in-batch", "cosine", log_q=0, temperature=0.25)
        yield case("in_batch_dot_without_layers", [6], "in-batch", "dot")
        yield case("in_batch_cosine_sgd", [6, 4], "in-batch", "cosine", optimizer="sgd", lr=0.25)
        yield case("shared_dot", [6, 4], "shared", "dot")
        yield case("shared_dot_by_popularity", [6, 4], "shared", "dot", popularity=0.5)
        yield case("shared_cosine_without_log_q", [6, 4, 3], "shared", "cosine", log_q=0)


def main():
    folder = sys.argv[1]
    write_model(folder, "towers.py", Concat(), 5000)
    write_model(folder, "towers.py", Product(), 6000)


if __name__ == "__main__":
    main()
