#!/usr/bin/env python3
"""pointwise.py - GMF, MLP, NeuMF and CDAE with their losses in float64, and the golden files made with them.

Usage: pointwise.py FOLDER      writes FOLDER/gmf.txt, mlp.txt, neumf.txt and cdae.txt (FOLDER: ../golden)

Plain NumPy, written from the mathematics: He et al., "Neural Collaborative Filtering" (WWW 2017); Wu et al.,
"Collaborative Denoising Auto-Encoders" (WSDM 2016); Wang et al., "Denoising Implicit Feedback for Recommendation"
(WSDM 2021); Kingma and Ba, "Adam" (ICLR 2015). The gradients are derived by hand; before a case is written they are
compared with central differences and, where PyTorch is installed, with its autograd and its optimizers in float64.

U users, I items, B rows of a batch, d = dim, E = d 2^(layers-1). Weights of layers are out x in.
  gmf    x = sum_d h_d p_ud q_id + c
  mlp    x = h . z_layers + c,  z_0 = [p_u ; q_i],  z_l = max(0, W_l z_(l-1) + b_l)
  neumf  x = h . [p_u * q_i ; z_layers] + c, with embeddings of its own for each half. Started from a gmf and an mlp model
         (`pretrained` 1): all is copied, h = half of [h_gmf ; h_mlp], c = half the sum.
  cdae   hidden = act(sum of input_weight_i over the items i of the user + user_embedding_u + hidden_bias), no dropout,
         x = output_weight hidden + output_bias. Loss over all B x I cells in row-major order, label 1 where the user has
         the item (`sampled` 0), or over the samples (sample_row, item, label) of a batch (`sampled` 1).

The files. Lines that start with # are comments, in front of everything else. Then `cases N`, and for each case
  case NAME
  key NAME VALUE                 settings; VALUE is a word or a number
  array NAME ROWS COLS           followed by ROWS lines of COLS numbers; vectors have one row
  end
Numbers are the shortest that read back as the same float64 (at most 17 significant digits). Initial values, labels and
settings such as the learning rate are read as they stand; initial values and labels are exact in float32.

Keys: model, dim, layers (but for cdae), n_users, n_items, steps (5); loss (bce, t-ce, r-ce); t-ce: drop_rate, drop_of
(batch, positives), exponent, num_gradual (0: the full rate at once); r-ce: alpha; optimizer (adam, sgd), lr, and for adam
beta1, beta2, eps; neumf: pretrained; cdae: act (sigmoid, tanh, identity), sampled; float32_error: the largest difference in
any value of the case when this program computes it in float32, so what a float32 implementation may differ by is of that size.
Arrays (T = 0..4 is a step):
  initial.P, gradient.P          parameter P before the first step, and the gradient of batch 0's loss there
  after1.P, after5.P             P after one and after five steps
  scores1, scores5               U x I logits after one and after five steps
  loss, rate                     1 x 5: loss of batch T before its step; drop rate in force (0 but for t-ce)
  batchT.users                   1 x B
  batchT.items, batchT.labels    1 x B; sampled cdae 1 x E; absent for full rows
  batchT.sample_row              1 x E, sampled cdae
  batchT.kept                    a sample (or cell) each: 1 if it counts in the loss, 0 if t-ce dropped it
  batch0.logits                  a sample (or cell) each
  interactions                   U x I of 0 and 1, cdae
  gmf.P, mlp.P                   parameters of the two models that a pretrained neumf starts from
User 6 is in no batch and item 8 only in batch 0 (not so in full rows), user 5 only in batches 0 and 4: rows that lie still
while the optimizer's moments go on. In cdae user 6 has no interactions.
"""
import sys

import numpy as np

try:
    import torch
except ImportError:
    torch = None

U, I, STEPS = 7, 9, 5


# ---- losses

def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def bce(x, y):
    return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


def rate_at(rule, t):
    if rule["loss"] != "t-ce":
        return 0.0
    n = rule["num_gradual"]
    if t < n:
        return rule["drop_rate"] ** rule["exponent"] * t / (n - 1)
    return rule["drop_rate"]


def choose(x, y, rule, t):
    """Which samples count, and the gap in l y at the cut: how far rounding is from changing the choice."""
    n = len(x)
    kept = np.ones(n, bool)
    if rule["loss"] != "t-ce":
        return kept, np.inf
    of = np.arange(n) if rule["drop_of"] == "batch" else np.flatnonzero(y > 0.5)
    exact = (1 - rate_at(rule, t)) * len(of)
    keep = int(exact)
    key = (bce(x, y) * y)[of]
    order = np.argsort(key, kind="stable")
    kept[of[order[keep:]]] = False
    gap = np.inf
    if 0 < keep < len(of) and key[order[keep]] != 0:
        gap = key[order[keep]] - key[order[keep - 1]]
    if rate_at(rule, t) > 0 and min(exact - keep, keep + 1 - exact) < 1e-3:
        gap = 0.0  # the count itself hangs on rounding
    return kept, gap


def sample_weights(x, y, rule, t):
    """Weight of every sample's cross-entropy in the loss: constants, no gradient goes through them."""
    kept, gap = choose(x, y, rule, t)
    if rule["loss"] == "r-ce":
        p = sigmoid(x)
        w = p ** rule["alpha"] * y + (1 - p) ** rule["alpha"] * (1 - y)
        return w / len(x), kept, gap
    return kept.astype(x.dtype) / max(1, kept.sum().astype(x.dtype)), kept, gap


# ---- models: forward gives logits and what backward needs; backward gives a gradient for every parameter

def layer_sizes(dim, layers):
    e = dim * 2 ** (layers - 1)
    return e, [(2 * e >> l, 2 * e >> (l + 1)) for l in range(layers)]


def shapes(case):
    d, m = case["dim"], case["model"]
    if m == "cdae":
        return {"input_weight": (I, d), "user_embedding": (U, d), "hidden_bias": (d,), "output_weight": (I, d),
                "output_bias": (I,)}
    out = {}
    if m == "gmf":
        out.update(user_embedding=(U, d), item_embedding=(I, d))
    if m == "neumf":
        out.update(gmf_user_embedding=(U, d), gmf_item_embedding=(I, d))
    if m in ("mlp", "neumf"):
        pre = "mlp_" if m == "neumf" else ""
        e, sizes = layer_sizes(d, case["layers"])
        out.update({pre + "user_embedding": (U, e), pre + "item_embedding": (I, e)})
        for l, (n_in, n_out) in enumerate(sizes, 1):
            out.update({"layer%d_weight" % l: (n_out, n_in), "layer%d_bias" % l: (n_out,)})
    out.update(predict_weight=(2 * d if m == "neumf" else d,), predict_bias=(1,))
    return out


def scatter(n, index, rows):
    out = np.zeros((n, rows.shape[1]), rows.dtype)
    np.add.at(out, index, rows)
    return out


def pair_forward(case, w, users, items):
    m, d = case["model"], case["dim"]
    parts, cache = [], {}
    if m != "mlp":
        pre = "gmf_" if m == "neumf" else ""
        cache["p"], cache["q"] = w[pre + "user_embedding"][users], w[pre + "item_embedding"][items]
        parts.append(cache["p"] * cache["q"])
    if m != "gmf":
        pre = "mlp_" if m == "neumf" else ""
        z = [np.concatenate([w[pre + "user_embedding"][users], w[pre + "item_embedding"][items]], 1)]
        cache["pre"] = []
        for l in range(1, case["layers"] + 1):
            a = z[-1] @ w["layer%d_weight" % l].T + w["layer%d_bias" % l]
            cache["pre"].append(a)
            z.append(np.maximum(a, 0))
        cache["z"] = z
        parts.append(z[-1])
    cache["features"] = np.concatenate(parts, 1)
    return cache["features"] @ w["predict_weight"] + w["predict_bias"][0], cache


def pair_backward(case, w, users, items, cache, dx):
    m, d = case["model"], case["dim"]
    g = {"predict_weight": cache["features"].T @ dx, "predict_bias": np.array([dx.sum()])}
    df = dx[:, None] * w["predict_weight"]
    if m != "mlp":
        pre = "gmf_" if m == "neumf" else ""
        g[pre + "user_embedding"] = scatter(U, users, df[:, :d] * cache["q"])
        g[pre + "item_embedding"] = scatter(I, items, df[:, :d] * cache["p"])
        df = df[:, d:]
    if m != "gmf":
        pre = "mlp_" if m == "neumf" else ""
        for l in range(case["layers"], 0, -1):
            da = df * (cache["pre"][l - 1] > 0)
            g["layer%d_weight" % l] = da.T @ cache["z"][l - 1]
            g["layer%d_bias" % l] = da.sum(0)
            df = da @ w["layer%d_weight" % l]
        e = df.shape[1] // 2
        g[pre + "user_embedding"] = scatter(U, users, df[:, :e])
        g[pre + "item_embedding"] = scatter(I, items, df[:, e:])
    return g


ACT = {"sigmoid": (sigmoid, lambda h: h * (1 - h)), "tanh": (np.tanh, lambda h: 1 - h * h),
       "identity": (lambda a: a, np.ones_like)}


def cdae_forward(case, w, users):
    r = case["interactions"][users].astype(w["hidden_bias"].dtype)
    h = ACT[case["act"]][0](r @ w["input_weight"] + w["user_embedding"][users] + w["hidden_bias"])
    return h @ w["output_weight"].T + w["output_bias"], {"r": r, "h": h}


def cdae_backward(case, w, users, cache, dx):
    da = dx @ w["output_weight"] * ACT[case["act"]][1](cache["h"])
    return {"output_weight": dx.T @ cache["h"], "output_bias": dx.sum(0), "input_weight": cache["r"].T @ da,
            "user_embedding": scatter(U, users, da), "hidden_bias": da.sum(0)}


def forward(case, w, batch):
    """Logits and labels of the samples of a batch."""
    users, real = batch["users"], w[next(iter(w))].dtype
    if case["model"] != "cdae":
        x, cache = pair_forward(case, w, users, batch["items"])
        return x, batch["labels"].astype(real), cache
    x, cache = cdae_forward(case, w, users)
    if case["sampled"]:
        return x[batch["sample_row"], batch["items"]], batch["labels"].astype(real), cache
    return x.ravel(), cache["r"].ravel(), cache


def backward(case, w, batch, cache, dx):
    users = batch["users"]
    if case["model"] != "cdae":
        return pair_backward(case, w, users, batch["items"], cache, dx)
    full = np.zeros((len(users), I), dx.dtype)
    if case["sampled"]:
        np.add.at(full, (batch["sample_row"], batch["items"]), dx)
    else:
        full[:] = dx.reshape(full.shape)
    return cdae_backward(case, w, users, cache, full)


def scores(case, w):
    if case["model"] == "cdae":
        return cdae_forward(case, w, np.arange(U))[0]
    users, items = np.divmod(np.arange(U * I), I)
    return pair_forward(case, w, users, items)[0].reshape(U, I)


# ---- training

def step_loss(case, w, batch, t):
    x, y, cache = forward(case, w, batch)
    weight, kept, gap = sample_weights(x, y, case, t)
    gradient = backward(case, w, batch, cache, weight * (sigmoid(x) - y))
    margin = min([gap] + [np.abs(a).min() for a in cache.get("pre", [])])
    return (weight * bce(x, y)).sum(), gradient, {"logits": x, "kept": kept, "weight": weight, "margin": margin}


def train(case, start, real):
    """All that a golden case holds, computed in `real`; and the smallest distance to a kink or to another choice."""
    w = {k: v.astype(real) for k, v in start.items()}
    m = {k: np.zeros_like(v) for k, v in w.items()}
    v = {k: np.zeros_like(a) for k, a in w.items()}
    out, losses, margin = {}, [], np.inf
    for t, batch in enumerate(case["batches"]):
        loss, g, seen = step_loss(case, w, batch, t)
        margin = min(margin, seen["margin"])
        losses.append(loss)
        out["batch%d.kept" % t] = seen["kept"].astype(real)
        if t == 0:
            out["batch0.logits"] = seen["logits"]
            out.update({"gradient." + k: a for k, a in g.items()})
        for k in w:
            if case["optimizer"] == "sgd":
                w[k] = w[k] - case["lr"] * g[k]
                continue
            b1, b2 = case["beta1"], case["beta2"]
            m[k] = b1 * m[k] + (1 - b1) * g[k]
            v[k] = b2 * v[k] + (1 - b2) * g[k] * g[k]
            m_hat, v_hat = m[k] / (1 - b1 ** (t + 1)), v[k] / (1 - b2 ** (t + 1))
            w[k] = w[k] - case["lr"] * m_hat / (np.sqrt(v_hat) + case["eps"])
        if t in (0, STEPS - 1):
            out.update({"after%d.%s" % (t + 1, k): a for k, a in w.items()})
            out["scores%d" % (t + 1)] = scores(case, w)
    out["loss"] = np.array(losses)
    out["rate"] = np.array([rate_at(case, t) for t in range(STEPS)])
    return out, margin


# ---- checks

def check_differences(case, start):
    """Central differences of batch 0's loss with choice and weights held fast."""
    batch, h = case["batches"][0], 1e-6
    _, gradient, seen = step_loss(case, start, batch, 0)

    def held(w):
        x, y, _ = forward(case, w, batch)
        return (seen["weight"] * bce(x, y)).sum()
    assert set(gradient) == set(start)
    for k, a in start.items():
        assert gradient[k].shape == a.shape, k
        for at in np.ndindex(a.shape):
            w = dict(start)
            w[k] = a.copy()
            w[k][at] += h
            up = held(w)
            w[k][at] -= 2 * h
            want = (up - held(w)) / (2 * h)
            assert abs(gradient[k][at] - want) < 1e-8, (case["name"], k, at, gradient[k][at], want)


def torch_forward(case, w, batch):
    F = torch.nn.functional
    u = torch.as_tensor(batch["users"])
    if case["model"] == "cdae":
        r = torch.as_tensor(case["interactions"]).double()
        a = F.linear(r[u], w["input_weight"].T, w["hidden_bias"]) + F.embedding(u, w["user_embedding"])
        h = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "identity": lambda b: b}[case["act"]](a)
        x = F.linear(h, w["output_weight"], w["output_bias"])
        if not case["sampled"]:
            return x.flatten(), r[u].flatten()
        x = x[torch.as_tensor(batch["sample_row"]), torch.as_tensor(batch["items"])]
        return x, torch.as_tensor(batch["labels"])
    i = torch.as_tensor(batch["items"])
    parts = []
    for half in ("gmf", "mlp"):
        if case["model"] not in (half, "neumf"):
            continue
        pre = half + "_" if case["model"] == "neumf" else ""
        p, q = F.embedding(u, w[pre + "user_embedding"]), F.embedding(i, w[pre + "item_embedding"])
        z = p * q if half == "gmf" else torch.cat([p, q], -1)
        for l in range(1, case["layers"] + 1 if half == "mlp" else 1):
            z = F.relu(F.linear(z, w["layer%d_weight" % l], w["layer%d_bias" % l]))
        parts.append(z)
    return F.linear(torch.cat(parts, -1), w["predict_weight"][None], w["predict_bias"])[:, 0], torch.as_tensor(batch["labels"])


def torch_loss(case, x, y, t):
    each = torch.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none")
    if case["loss"] == "bce":
        return each.mean()
    if case["loss"] == "r-ce":
        p = torch.sigmoid(x).detach()
        return (each * (p ** case["alpha"] * y + (1 - p) ** case["alpha"] * (1 - y))).mean()
    candidates = torch.arange(len(x)) if case["drop_of"] == "batch" else torch.nonzero(y > 0.5)[:, 0]
    order = candidates[torch.sort((each * y)[candidates].detach(), stable=True).indices]
    kept = order[:int((1 - rate_at(case, t)) * len(order))]
    if case["drop_of"] == "positives":
        kept = torch.cat([kept, torch.nonzero(y <= 0.5)[:, 0]])
    return each[kept].mean()


def check_torch(case, start, out):
    w = {k: torch.tensor(a, requires_grad=True) for k, a in start.items()}
    if case["optimizer"] == "sgd":
        rule = torch.optim.SGD(w.values(), lr=case["lr"])
    else:
        rule = torch.optim.Adam(w.values(), lr=case["lr"], betas=(case["beta1"], case["beta2"]), eps=case["eps"])

    def same(name, got):
        assert np.allclose(got.detach().numpy(), out[name], rtol=1e-9, atol=1e-12), (case["name"], name)
    for t, batch in enumerate(case["batches"]):
        rule.zero_grad()
        x, y = torch_forward(case, w, batch)
        if t == 0:
            same("batch0.logits", x)
        loss = torch_loss(case, x, y, t)
        assert abs(loss.item() - out["loss"][t]) < 1e-12, case["name"]
        loss.backward()
        for k in w if t == 0 else ():
            same("gradient." + k, w[k].grad)
        rule.step()
        for k in w if t in (0, STEPS - 1) else ():
            same("after%d.%s" % (t + 1, k), w[k])


# ---- cases

def random_values(rng, wanted):
    """Normal with deviation 0.5 on a grid of 2^-8: exact in float32 and short in the file."""
    return {k: np.round(rng.standard_normal(s) * 128) / 256 for k, s in wanted.items()}


def soft_labels(rng, n):
    return rng.integers(1, 16, n) / 16 - 1 / 64


def pair_batch(rng, t, labels):
    n = 12
    users = rng.integers(0, 5, n)
    items = rng.integers(0, 8, n)
    if t in (0, STEPS - 1):
        users[0], users[7] = 5, 5
    if t == 0:
        items[0], items[3] = 8, 8
    if labels == "soft":
        return {"users": users, "items": items, "labels": soft_labels(rng, n)}
    positives = 2 if labels == "few" else 7
    y = np.zeros(n)
    y[rng.permutation(n)[:positives]] = 1
    return {"users": users, "items": items, "labels": y}


def row_batch(rng, case, t):
    users = rng.permutation(5)[:4]
    if t in (0, STEPS - 1):
        users[1] = 5
    if case["labels"] == "repeated":
        users[3] = users[0]
    if not case["sampled"]:
        return {"users": users}
    rows, items, labels = [], [], []
    for b, u in enumerate(users):
        own = np.flatnonzero(case["interactions"][u])
        others = rng.choice(np.flatnonzero(case["interactions"][u] == 0), 2 * len(own))
        if t > 0:
            own, others = own[own != 8], others[others != 8]
        rows += [b] * (len(own) + len(others))
        items += list(own) + list(others)
        labels += [1.0] * len(own) + [0.0] * len(others)
    y = soft_labels(rng, len(labels)) if case["labels"] == "soft" else np.array(labels)
    return {"users": users, "items": np.array(items), "labels": y, "sample_row": np.array(rows)}


def interactions(rng):
    r = np.zeros((U, I), int)
    for u in range(U - 1):
        r[u, rng.permutation(I)[:2 + u % 3]] = 1
    r[5, 8] = 1
    return r


def start_of(rng, case):
    if not case.get("pretrained"):
        return random_values(rng, shapes(case)), {}
    gmf = random_values(rng, shapes(dict(case, model="gmf")))
    mlp = random_values(rng, shapes(dict(case, model="mlp")))
    w = {}
    for k in shapes(case):
        if k == "predict_weight":
            w[k] = 0.5 * np.concatenate([gmf[k], mlp[k]])
        elif k == "predict_bias":
            w[k] = 0.5 * (gmf[k] + mlp[k])
        else:
            w[k] = gmf[k[4:]] if k.startswith("gmf_") else mlp[k[4:] if k.startswith("mlp_") else k]
    source = {"gmf." + k: a for k, a in gmf.items()}
    source.update({"mlp." + k: a for k, a in mlp.items()})
    return w, source


def make(case, number):
    """Draws until rounding in float32 can change neither a ReLU's side nor the choice of samples."""
    for attempt in range(2000):
        rng = np.random.default_rng([number, attempt])
        if case["model"] == "cdae":
            case["interactions"] = interactions(rng)
            case["batches"] = [row_batch(rng, case, t) for t in range(STEPS)]
        else:
            case["batches"] = [pair_batch(rng, t, case["labels"]) for t in range(STEPS)]
        start, source = start_of(rng, case)
        out, margin = train(case, start, np.float64)
        if margin < 2e-4:
            continue
        rough, _ = train(case, start, np.float32)
        assert all(a.dtype == np.float32 for k, a in rough.items() if k not in ("rate", "loss"))
        error = max(np.abs(out[k] - rough[k]).max() for k in out)
        if error < 2e-6:
            break
    else:
        raise RuntimeError("no clear draw for " + case["name"])
    check_differences(case, start)
    if torch is not None:
        check_torch(case, start, out)
    case["float32_error"] = float("%.2g" % error)
    arrays = {"interactions": case["interactions"]} if case["model"] == "cdae" else {}
    arrays.update(source)
    arrays.update({"initial." + k: a for k, a in start.items()})
    for t, batch in enumerate(case["batches"]):
        arrays.update({"batch%d.%s" % (t, k): a for k, a in batch.items()})
    arrays.update(out)
    return arrays


def settings(model, name, dim=4, layers=None, loss="bce", labels="binary", optimizer="adam", lr=0.01, **more):
    case = {"name": name, "model": model, "labels": labels, "n_users": U, "n_items": I, "steps": STEPS, "dim": dim}
    if layers is not None:
        case["layers"] = layers
    case.update(loss=loss)
    if loss == "t-ce":
        case.update({"drop_rate": 0.3, "drop_of": "batch", "exponent": 1, "num_gradual": 0})
    case.update({"optimizer": optimizer, "lr": lr})
    if optimizer == "adam":
        case.update({"beta1": 0.9, "beta2": 0.999, "eps": 1e-8})
    case.update(more)
    return case


SCHEDULE = {"loss": "t-ce", "drop_rate": 0.57, "exponent": 2, "num_gradual": 3}


def gmf_cases():
    yield settings("gmf", "bce")
    yield settings("gmf", "bce_dim5", dim=5)
    yield settings("gmf", "bce_soft_labels", labels="soft")
    yield settings("gmf", "tce_batch", loss="t-ce")
    yield settings("gmf", "tce_positives", loss="t-ce", drop_of="positives")
    yield settings("gmf", "tce_few_positives", loss="t-ce", labels="few")
    yield settings("gmf", "tce_soft_labels", loss="t-ce", labels="soft")
    yield settings("gmf", "tce_soft_labels_positives", loss="t-ce", labels="soft", drop_of="positives")
    yield settings("gmf", "tce_linear_schedule", loss="t-ce", drop_rate=0.45, num_gradual=4)
    yield settings("gmf", "tce_schedule", **SCHEDULE)
    yield settings("gmf", "rce", loss="r-ce", alpha=0.2)
    yield settings("gmf", "rce_soft_labels", loss="r-ce", alpha=1.5, labels="soft")
    yield settings("gmf", "bce_sgd", optimizer="sgd", lr=0.25)


def mlp_cases():
    yield settings("mlp", "bce_1_layer", layers=1)
    yield settings("mlp", "bce_2_layers", layers=2)
    yield settings("mlp", "bce_3_layers", layers=3)
    yield settings("mlp", "bce_2_layers_dim5", layers=2, dim=5)
    yield settings("mlp", "tce_2_layers", layers=2, loss="t-ce")
    yield settings("mlp", "tce_schedule_2_layers", layers=2, **SCHEDULE)
    yield settings("mlp", "rce_2_layers", layers=2, loss="r-ce", alpha=0.25)
    yield settings("mlp", "rce_soft_labels_1_layer", layers=1, loss="r-ce", alpha=1.5, labels="soft")


def neumf_cases():
    yield settings("neumf", "bce_2_layers", layers=2, pretrained=0)
    yield settings("neumf", "bce_1_layer_dim5", layers=1, dim=5, pretrained=0)
    yield settings("neumf", "bce_3_layers", layers=3, pretrained=0)
    yield settings("neumf", "tce_2_layers", layers=2, pretrained=0, loss="t-ce")
    yield settings("neumf", "tce_schedule_1_layer", layers=1, pretrained=0, **SCHEDULE)
    yield settings("neumf", "rce_2_layers", layers=2, pretrained=0, loss="r-ce", alpha=0.25)
    yield settings("neumf", "pre_bce_2_layers", layers=2, pretrained=1)
    yield settings("neumf", "pre_bce_sgd_1_layer", layers=1, pretrained=1, optimizer="sgd", lr=0.25)
    yield settings("neumf", "pre_tce_1_layer", layers=1, pretrained=1, loss="t-ce")
    yield settings("neumf", "pre_rce_1_layer", layers=1, pretrained=1, loss="r-ce", alpha=0.25)


def cdae_cases():
    for act in ("sigmoid", "tanh", "identity"):
        for sampled in (0, 1):
            how = "%s_%s" % (act, "sampled" if sampled else "full")
            both = {"act": act, "sampled": sampled}
            yield settings("cdae", how + "_bce", **both)
            if sampled and act != "sigmoid":
                continue
            yield settings("cdae", how + "_tce", loss="t-ce", drop_of="batch" if sampled else "positives", **both)
            yield settings("cdae", how + "_rce", loss="r-ce", alpha=0.2, **both)
    both = {"act": "sigmoid", "sampled": 0}
    yield settings("cdae", "sigmoid_full_bce_dim5", dim=5, **both)
    yield settings("cdae", "sigmoid_full_bce_repeated_users", labels="repeated", **both)
    yield settings("cdae", "sigmoid_full_tce_batch", loss="t-ce", drop_of="batch", **both)
    both = {"act": "tanh", "sampled": 1}
    yield settings("cdae", "tanh_sampled_tce_positives", loss="t-ce", drop_of="positives", **both)
    yield settings("cdae", "tanh_sampled_tce_schedule", **SCHEDULE, **both)
    yield settings("cdae", "tanh_sampled_bce_soft_labels", labels="soft", **both)


# ---- files

def number_text(v):
    v = float(v)
    return "%d" % v if v == int(v) and abs(v) < 1e15 else repr(v)


def write_case(f, case, arrays):
    f.write("case %s\n" % case["name"])
    for k, v in case.items():
        if k not in ("name", "labels", "batches", "interactions"):
            f.write("key %s %s\n" % (k, v if isinstance(v, str) else number_text(v)))
    for k, a in arrays.items():
        a = np.atleast_2d(a)
        f.write("array %s %d %d\n" % ((k,) + a.shape))
        for row in a:
            f.write(" ".join(number_text(v) for v in row) + "\n")
    f.write("end\n")


def main():
    folder = sys.argv[1]
    number = 0
    for model, cases in (("gmf", gmf_cases), ("mlp", mlp_cases), ("neumf", neumf_cases), ("cdae", cdae_cases)):
        done = []
        for case in cases():
            number += 1
            done.append((case, make(case, number)))
        with open("%s/%s.txt" % (folder, model), "w") as f:
            f.write("# %s in float64: parameters, gradients, scores over five steps of training.\n" % model.upper())
            f.write("# Made by tests/reference/pointwise.py, which explains the format.\n")
            f.write("cases %d\n" % len(done))
            for case, arrays in done:
                write_case(f, case, arrays)
        worst = max(case["float32_error"] for case, _ in done)
        print("%s: %d cases, float32 differs by up to %.2g%s" % (model, len(done), worst, "" if torch else ", no PyTorch to compare with"))


if __name__ == "__main__":
    main()
