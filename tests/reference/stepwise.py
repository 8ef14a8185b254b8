"""stepwise.py - what the references of models trained by steps share: optimizers, checks of gradients, golden files.

Used by graph.py, towers.py, autoencoder.py and classifier.py. Each of them describes a model by an object with
  name                          of the model, and of its golden file
  data(rng, case)               arrays of the data set; they are written with the case
  shapes(case)                  of the parameters, by name
  batch(rng, case, t)           arrays of the batch of step t
  loss(case, w, batch)          value, gradients by hand, and the distance of the nearest kink (of a ReLU) from rounding
  outputs(case, w)              what is compared after training: scores and what else follows from the parameters
  torch_loss(case, w, batch)    the loss once more, in the terms of PyTorch
Before a case is written its gradients are compared with central differences and, where PyTorch is installed, gradients,
losses and parameters with autograd and torch.optim in float64.

The files. Lines that start with # are comments, in front of everything else. Then `cases N`, and for each case
  case NAME
  key NAME VALUE                settings; VALUE is a word or a number
  array NAME ROWS COLS          followed by ROWS lines of COLS numbers; vectors have one row
  end
Parameters before the first step, data and batches are exact in float32; what follows from them has 10 significant digits.
Keys of all: model, params (the model's parameters as the library takes them), n_users, n_items, steps (5), optimizer (adam,
sgd), lr and for adam beta1, beta2, eps; float32_error: the largest difference in any value of the case when the reference
computes in float32, so what a float32 implementation may differ by is of that size.
Arrays of all (T = 0..4 is a step):
  initial.P, gradient.P         parameter P before the first step, and the gradient of batch 0's loss there
  after1.P, after5.P            P after one and after five steps
  loss                          1 x 5: loss of batch T before its step
  batchT.NAME                   what the model's file says of its batches
  scores1, scores5              U x I after one and after five steps, and what the model's file adds
"""
import numpy as np

try:
    import torch
except ImportError:
    torch = None

STEPS = 5


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def log_softmax(x):
    top = x.max(-1, keepdims=True)
    return x - top - np.log(np.exp(x - top).sum(-1, keepdims=True))


def scatter(n, index, rows):
    """Rows added up at their places among n."""
    out = np.zeros((n, rows.shape[1]), rows.dtype)
    np.add.at(out, index, rows)
    return out


def settings(model, name, params, n_users, n_items, optimizer="adam", lr=0.01, **more):
    case = {"name": name, "model": model, "params": params, "n_users": n_users, "n_items": n_items, "steps": STEPS,
            "optimizer": optimizer, "lr": lr}
    if optimizer == "adam":
        case.update(beta1=0.9, beta2=0.999, eps=1e-8)
    case.update(more)
    return case


def random_values(rng, shapes):
    """Normal with deviation 0.5 on a grid of 2^-8: exact in float32 and short in the file."""
    return {k: np.round(rng.standard_normal(s) * 128) / 256 for k, s in shapes.items()}


def train(model, case, start, real):
    """All that follows from a case, computed in `real`; and the smallest distance to a kink."""
    w = {k: a.astype(real) for k, a in start.items()}
    m = {k: np.zeros_like(a) for k, a in w.items()}
    v = {k: np.zeros_like(a) for k, a in w.items()}
    out, losses, margin = {}, [], np.inf
    for t, batch in enumerate(case["batches"]):
        loss, g, near = model.loss(case, w, batch)
        margin = min(margin, near)
        losses.append(loss)
        if t == 0:
            out.update({"gradient." + k: g[k] for k in w})
        for k in w:
            assert g[k].dtype == real and g[k].shape == w[k].shape, (case["name"], k)
            if case["optimizer"] == "sgd":
                w[k] = w[k] - real(case["lr"]) * g[k]
                continue
            b1, b2 = case["beta1"], case["beta2"]
            m[k] = real(b1) * m[k] + real(1 - b1) * g[k]
            v[k] = real(b2) * v[k] + real(1 - b2) * g[k] * g[k]
            m_hat, v_hat = m[k] / real(1 - b1 ** (t + 1)), v[k] / real(1 - b2 ** (t + 1))
            w[k] = w[k] - real(case["lr"]) * m_hat / (np.sqrt(v_hat) + real(case["eps"]))
        if t in (0, STEPS - 1):
            out.update({"after%d.%s" % (t + 1, k): a for k, a in w.items()})
            out.update({"%s%d" % (k, t + 1): a for k, a in model.outputs(case, w).items()})
    out["loss"] = np.array(losses)
    return out, margin


def check_differences(model, case, start):
    batch, h = case["batches"][0], 1e-6
    _, gradient, _ = model.loss(case, start, batch)
    assert set(gradient) == set(start), (sorted(gradient), sorted(start))
    for k, a in start.items():
        for at in np.ndindex(a.shape):
            w = dict(start)
            w[k] = a.copy()
            w[k][at] += h
            up = model.loss(case, w, batch)[0]
            w[k][at] -= 2 * h
            want = (up - model.loss(case, w, batch)[0]) / (2 * h)
            assert abs(gradient[k][at] - want) < 2e-8, (case["name"], k, at, gradient[k][at], want)


def check_torch(model, case, start, out):
    w = {k: torch.tensor(a, requires_grad=True) for k, a in start.items()}
    if case["optimizer"] == "sgd":
        rule = torch.optim.SGD(w.values(), lr=case["lr"])
    else:
        rule = torch.optim.Adam(w.values(), lr=case["lr"], betas=(case["beta1"], case["beta2"]), eps=case["eps"])

    def same(name, got):
        got = np.zeros_like(out[name]) if got is None else got.detach().numpy()
        assert np.allclose(got, out[name], rtol=1e-8, atol=1e-10), (case["name"], name, got, out[name])
    for t, batch in enumerate(case["batches"]):
        rule.zero_grad()
        loss = model.torch_loss(case, w, {k: torch.as_tensor(a) for k, a in batch.items()})
        assert abs(loss.item() - out["loss"][t]) < 1e-10, (case["name"], t, loss.item(), out["loss"][t])
        loss.backward()
        for k in w if t == 0 else ():
            same("gradient." + k, w[k].grad)
        rule.step()
        for k in w if t in (0, STEPS - 1) else ():
            same("after%d.%s" % (t + 1, k), w[k])


def make(model, case, number, limit=4e-6):
    """Draws until rounding in float32 can put no ReLU on the other side and leaves all values where they are."""
    for attempt in range(5000):
        rng = np.random.default_rng([number, attempt])
        case["data"] = model.data(rng, case)
        case["batches"] = [model.batch(rng, case, t) for t in range(STEPS)]
        start = random_values(rng, model.shapes(case))
        out, margin = train(model, case, start, np.float64)
        if margin < 2e-4:
            continue
        rough, _ = train(model, case, start, np.float32)
        error = max(np.abs(out[k] - rough[k]).max() for k in out)
        if error < limit:
            break
    else:
        raise RuntimeError("no clear draw for " + case["name"])
    check_differences(model, case, start)
    if torch is not None:
        check_torch(model, case, start, out)
    case["float32_error"] = float("%.2g" % error)
    arrays = dict(case["data"])
    arrays.update({"initial." + k: a for k, a in start.items()})
    for t, batch in enumerate(case["batches"]):
        arrays.update({"batch%d.%s" % (t, k): a for k, a in batch.items()})
    for a in arrays.values():
        assert np.array_equal(a, np.asarray(a, np.float32)), "not exact in float32"
    arrays.update(out)
    return arrays


# ---- files

def number_text(v):
    return "%.10g" % (float(v) + 0.0)


def exact_text(v):
    v = float(v)
    return "%d" % v if v == int(v) and abs(v) < 1e15 else repr(v)


def write_case(f, case, arrays):
    f.write("case %s\n" % case["name"])
    for k, v in case.items():
        if k not in ("name", "batches", "data") and not k.startswith("_"):
            f.write("key %s %s\n" % (k, v if isinstance(v, str) else exact_text(v)))
    given = ("initial.", "batch", "interactions", "histories", "values", "user_features", "item_features")
    for k, a in arrays.items():
        a = np.atleast_2d(a)
        text = exact_text if k.startswith(given) else number_text
        f.write("array %s %d %d\n" % ((k,) + a.shape))
        for row in a:
            f.write(" ".join(text(v) for v in row) + "\n")
    f.write("end\n")


def write_file(folder, name, source, done):
    path = "%s/%s.txt" % (folder, name)
    with open(path, "w") as f:
        f.write("# %s in float64.\n" % name)
        f.write("# Made by tests/reference/%s, which explains the arrays; stepwise.py explains the format.\n" % source)
        f.write("cases %d\n" % len(done))
        for case, arrays in done:
            write_case(f, case, arrays)
        size = f.tell()
    worst = max(case["float32_error"] for case, _ in done)
    print("%s: %d cases, %d bytes, float32 differs by up to %.2g%s"
          % (name, len(done), size, worst, "" if torch else ", no PyTorch to compare with"))
    assert size < 150000


def write_model(folder, source, model, number):
    done = [(case, make(model, case, number + i)) for i, case in enumerate(model.cases())]
    write_file(folder, model.name, source, done)
