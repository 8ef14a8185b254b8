#!/usr/bin/env python3
"""classifier.py - the MLP classifier in float64, and the golden file made with it.

Usage: classifier.py FOLDER     writes FOLDER/mlp-classifier.txt (FOLDER: ../golden)

Plain NumPy; stepwise.py says how steps are taken and checked, and the format. N rows (users) of F dense features, C classes
(items), B rows of a batch.
  h0 = x, or with standardize=1 (x - mean) / scale, where mean and scale are those of each column over all rows: scale is the
       standard deviation with divisor N, or 1 where it is zero
  hl = max(0, layerl_weight h(l-1) + layerl_bias)           weights are out x in; the last layer, z, has no ReLU
  loss = 1/B sum over the batch of - log softmax(z)_label
Scores are the probabilities softmax(z).

Keys: those of stepwise.py, n_features, standardize.
Arrays beside those of stepwise.py:
  user_features                 N x F
  interactions                  N x C: 1 at the class of each row
  batchT.users, batchT.items    1 x B: rows and their classes
  feature_mean, feature_scale   1 x F, where standardize=1
Row 3 has no features but zeros; the last column is the same in all rows but where that row is not (`constant` 1: in all rows).
"""
import sys

import numpy as np

from stepwise import log_softmax, settings, torch, write_model

N, F, C = 12, 4, 3


class Classifier:
    name = "mlp-classifier"

    def data(self, rng, case):
        x = np.round(rng.standard_normal((N, F)) * 32) / 16 + np.array([3, 0, -1, 0])
        if case["_constant"]:
            x[:, F - 1] = 1.25
        else:
            x[3] = 0
        y = np.zeros((N, C))
        y[np.arange(N), rng.permutation(np.arange(N) % C)] = 1
        out = {"user_features": x, "interactions": y}
        return out

    def shapes(self, case):
        sizes = [F] + case["_layers"] + [C]
        out = {}
        for l, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
            out["layer%d_weight" % l], out["layer%d_bias" % l] = (n_out, n_in), (n_out,)
        return out

    def batch(self, rng, case, t):
        rows = rng.permutation(N)[:7]
        if t == 1:
            rows[2] = rows[5]
        return {"users": rows, "items": case["data"]["interactions"][rows].argmax(1)}

    def scales(self, case, real):
        x = case["data"]["user_features"].astype(real)
        if not case["standardize"]:
            return np.zeros(F, real), np.ones(F, real)
        mean = x.sum(0) / real(N)
        deviation = np.sqrt(((x - mean) ** 2).sum(0) / real(N))
        return mean, np.where(deviation > 0, deviation, 1).astype(real)

    def forward(self, case, w, rows):
        real = w["layer1_weight"].dtype.type
        mean, scale = self.scales(case, real)
        h, margin, n = [(case["data"]["user_features"][rows].astype(real) - mean) / scale], np.inf, len(case["_layers"]) + 1
        for l in range(1, n + 1):
            a = h[-1] @ w["layer%d_weight" % l].T + w["layer%d_bias" % l]
            if l < n:
                margin = min(margin, np.abs(a).min())
                a = np.maximum(a, 0)
            h.append(a)
        return h, margin

    def loss(self, case, w, batch):
        h, margin = self.forward(case, w, batch["users"])
        p, b = log_softmax(h[-1]), np.arange(len(batch["users"]))
        value = -p[b, batch["items"]].sum() / p.dtype.type(len(b))
        g = np.exp(p)
        g[b, batch["items"]] -= 1
        g, out = g / p.dtype.type(len(b)), {}
        for l in range(len(h) - 1, 0, -1):
            if l < len(h) - 1:
                g = g * (h[l] > 0)
            out["layer%d_weight" % l], out["layer%d_bias" % l] = g.T @ h[l - 1], g.sum(0)
            g = g @ w["layer%d_weight" % l]
        return value, out, margin

    def outputs(self, case, w):
        out = {"scores": np.exp(log_softmax(self.forward(case, w, np.arange(N))[0][-1]))}
        if case["standardize"]:
            out["feature_mean"], out["feature_scale"] = self.scales(case, w["layer1_weight"].dtype.type)
        return out

    def torch_loss(self, case, w, batch):
        x = torch.as_tensor(case["data"]["user_features"])
        if case["standardize"]:
            deviation = x.std(0, correction=0)
            x = (x - x.mean(0)) / torch.where(deviation > 0, deviation, 1.0)
        h, n = x[batch["users"]], len(case["_layers"]) + 1
        for l in range(1, n + 1):
            h = torch.nn.functional.linear(h, w["layer%d_weight" % l], w["layer%d_bias" % l])
            h = torch.relu(h) if l < n else h
        return torch.nn.functional.cross_entropy(h, batch["items"])

    def cases(self):
        def case(name, layers, standardize, constant=0, **more):
            params = "layers=%s,standardize=%d" % (":".join(map(str, layers)), standardize)
            return settings("mlp-classifier", name, params, N, C, n_features=F, standardize=standardize, _layers=layers,
                            _constant=constant, **more)
        yield case("raw", [5, 4], 0)
        yield case("standardized", [5, 4], 1)
        yield case("standardized_constant_column", [5, 4], 1, constant=1)
        yield case("one_layer", [6], 0)
        yield case("three_layers_standardized", [5, 4, 3], 1)
        yield case("raw_sgd", [5, 4], 0, optimizer="sgd", lr=0.0625)
        yield case("standardized_sgd", [5, 4], 1, optimizer="sgd", lr=0.25)


def main():
    write_model(sys.argv[1], "classifier.py", Classifier(), 4000)


if __name__ == "__main__":
    main()
