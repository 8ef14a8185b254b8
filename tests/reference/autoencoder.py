#!/usr/bin/env python3
"""autoencoder.py - the denoising autoencoder without noise in float64, and the golden file made with it.

Usage: autoencoder.py FOLDER    writes FOLDER/dae.txt (FOLDER: ../golden)

Plain NumPy; stepwise.py says how steps are taken and checked, and the format. Vincent et al., "Extracting and Composing Robust
Features with Denoising Autoencoders", ICML 2008; the multinomial likelihood as in Liang et al., "Variational Autoencoders for
Collaborative Filtering", WWW 2018, eq. 2. U users, I items, B users of a batch; the layers take I to encoder[0], ...,
encoder[-1], decoder[0], ..., decoder[-1] and to I again.
  h0 = r, or r / |r| with normalize=l2 (a row without items stays zero)
  a1 = h0 layer1_weight + layer1_bias                       layer1_weight: I x encoder[0], a row for each item
  al = h(l-1) layerl_weight' + layerl_bias                  l > 1: out x in
  hl = act(al), where layer number len(encoder) is the code and has an activation of its own; the last one, z, has none.
Loss, with the labels r (which are not normalised):
  bce          1/(B I) sum over users and items of softplus(z) - r z
  mse          1/(B I) sum over users and items of (z - r)^2
  multinomial  1/B sum over users of - sum over i of r_i log softmax(z)_i
Scores are z for the row of a user, or for a history.

Keys: those of stepwise.py.
Arrays beside those of stepwise.py:
  interactions                  U x I of 0 and 1
  histories                     H x I of 0 and 1: of users that the model does not know
  fold_in1, fold_in5            H x I scores of the histories
  batchT.users                  1 x B
The last user has no items, and is in batches 0 and 3; the last item is of nobody. Batch 2 holds a user twice.
"""
import sys

import numpy as np

from stepwise import log_softmax, settings, sigmoid, softplus, torch, write_model

U, I = 7, 9

ACT = {"relu": lambda a: np.maximum(a, 0), "sigmoid": sigmoid, "tanh": np.tanh, "identity": lambda a: a}
# From h alone.
SLOPE = {"relu": lambda h: (h > 0).astype(h.dtype), "sigmoid": lambda h: h * (1 - h), "tanh": lambda h: 1 - h * h,
         "identity": np.ones_like}


class Autoencoder:
    name = "dae"

    def data(self, rng, case):
        r = np.zeros((U, I))
        for u in range(U - 1):
            r[u, rng.permutation(I - 1)[:2 + u % 4]] = 1
        histories = np.zeros((4, I))
        histories[0, rng.permutation(I - 1)[:3]] = 1
        histories[1] = r[1]
        histories[2, I - 1] = 1  # and nobody
        return {"interactions": r, "histories": histories}

    def sizes(self, case):
        return [I] + case["_encoder"] + case["_decoder"] + [I]

    def shapes(self, case):
        out = {}
        for l, (n_in, n_out) in enumerate(zip(self.sizes(case), self.sizes(case)[1:]), 1):
            out["layer%d_weight" % l] = (n_in, n_out) if l == 1 else (n_out, n_in)
            out["layer%d_bias" % l] = (n_out,)
        return out

    def batch(self, rng, case, t):
        users = rng.permutation(U - 2)[:4]
        if t in (0, 3):
            users[1] = U - 1
        if t in (0, 4):
            users[2] = U - 2
        if t == 2:
            users[3] = users[0]
        return {"users": users}

    def activation(self, case, layer, n_layers):
        if layer == n_layers:
            return "identity"
        return case["_code_activation"] if layer == len(case["_encoder"]) else case["_activation"]

    def forward(self, case, w, r):
        if case["_normalize"] == "l2":
            r = r / np.sqrt(np.maximum((r * r).sum(1, keepdims=True), 1))
        h, margin, n = [r], np.inf, len(self.sizes(case)) - 1
        for l in range(1, n + 1):
            weight = w["layer%d_weight" % l]
            a = h[-1] @ (weight if l == 1 else weight.T) + w["layer%d_bias" % l]
            act = self.activation(case, l, n)
            if act == "relu":
                margin = min(margin, np.abs(a).min())
            h.append(ACT[act](a))
        return h, margin

    def loss(self, case, w, batch):
        real = w["layer1_weight"].dtype.type
        r = case["data"]["interactions"][batch["users"]].astype(real)
        h, margin = self.forward(case, w, r)
        z, n = h[-1], real(len(r))
        if case["_loss"] == "bce":
            value, g = (softplus(z) - r * z).mean(), (sigmoid(z) - r) / (n * I)
        elif case["_loss"] == "mse":
            value, g = ((z - r) ** 2).mean(), 2 * (z - r) / (n * I)
        else:
            p = log_softmax(z)
            value, g = -(r * p).sum() / n, (r.sum(1, keepdims=True) * np.exp(p) - r) / n
        out = {}
        for l in range(len(h) - 1, 0, -1):
            weight = w["layer%d_weight" % l]
            g = g * SLOPE[self.activation(case, l, len(h) - 1)](h[l])
            out["layer%d_weight" % l] = h[0].T @ g if l == 1 else g.T @ h[l - 1]
            out["layer%d_bias" % l] = g.sum(0)
            if l > 1:
                g = g @ weight
        return value, out, margin

    def outputs(self, case, w):
        real = w["layer1_weight"].dtype
        return {"scores": self.forward(case, w, case["data"]["interactions"].astype(real))[0][-1],
                "fold_in": self.forward(case, w, case["data"]["histories"].astype(real))[0][-1]}

    def torch_loss(self, case, w, batch):
        F = torch.nn.functional
        r = torch.as_tensor(case["data"]["interactions"])[batch["users"]]
        h, n = F.normalize(r) if case["_normalize"] == "l2" else r, len(self.sizes(case)) - 1
        act = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "identity": lambda a: a}
        for l in range(1, n + 1):
            weight = w["layer%d_weight" % l]
            h = act[self.activation(case, l, n)](F.linear(h, weight.T if l == 1 else weight, w["layer%d_bias" % l]))
        if case["_loss"] == "bce":
            return F.binary_cross_entropy_with_logits(h, r)
        if case["_loss"] == "mse":
            return F.mse_loss(h, r)
        return -(F.log_softmax(h, 1) * r).sum(1).mean()

    def cases(self):
        def case(name, loss, encoder, decoder, activation="relu", code="identity", normalize="none", **more):
            params = ("encoder=%s,decoder=%s,activation=%s,code_activation=%s,normalize=%s,loss=%s,mask=0,flip=0"
                      % (":".join(map(str, encoder)), ":".join(map(str, decoder)) or "0", activation, code, normalize, loss))
            return settings("dae", name, params, U, I, _loss=loss, _encoder=encoder, _decoder=decoder, _activation=activation,
                            _code_activation=code, _normalize=normalize, **more)
        for loss in ("bce", "mse", "multinomial"):
            yield case(loss, loss, [5, 3], [4])
        yield case("bce_code_alone", "bce", [4], [])
        yield case("multinomial_code_alone_l2_tanh", "multinomial", [3], [], code="tanh", normalize="l2")
        yield case("multinomial_l2_tanh", "multinomial", [4], [3], activation="tanh", normalize="l2")
        yield case("bce_sigmoid_without_decoder", "bce", [4, 2], [], activation="sigmoid", code="sigmoid")
        yield case("mse_identity_relu_code", "mse", [4, 3], [3], activation="identity", code="relu")
        yield case("bce_tanh_deep_l2", "bce", [4, 3, 2], [3, 4], activation="tanh", code="tanh", normalize="l2")
        yield case("multinomial_sgd", "multinomial", [5, 3], [4], optimizer="sgd", lr=0.25)


def main():
    write_model(sys.argv[1], "autoencoder.py", Autoencoder(), 3000)


if __name__ == "__main__":
    main()
