#!/usr/bin/env python3
"""torch_autoencoder.py - autoencoders of users' rows in PyTorch, Mult-DAE among them, to compare the library's `dae` with.

Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018, section 2.2 and 4.3: rows
of L2 norm 1, dropout of the input, tanh, a softmax over all items, the multinomial likelihood. The options are named as the
library's parameters; the defaults are Mult-DAE with one hidden layer.

    torch_autoencoder.py --train train.tsv.gz --valid valid.tsv.gz --test test.tsv.gz --epochs 100 --seed 1 --out m.safetensors
    torch_autoencoder.py --train train.tsv.gz --time-steps 30 --encoder 420:69 --decoder 420 --activation relu \\
        --code-activation identity --normalize none --mask 0.1 --rescale 0 --loss bce --batch 1024

With validation data the epoch of the best NDCG@20 on them is what is tested and written. `--first dense`: rows as a dense
matrix; `bag`: the first layer as a sum of embeddings. Scores are inner products of (code, 1) and (weights, bias) of the output
layer, so the model file holds those. Prints JSON lines. Needs numpy and torch."""
import argparse
import copy
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import peer

ACTIVATIONS = {"identity": lambda x: x, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


class Autoencoder(nn.Module):
    def __init__(self, n_items, args):
        super().__init__()
        sizes = lambda text: [int(s) for s in text.split(":") if int(s) > 0]
        self.args, encoder, decoder = args, sizes(args.encoder), sizes(args.decoder)
        hidden = encoder + decoder
        self.kinds = [args.activation] * len(hidden)
        self.kinds[len(encoder) - 1] = args.code_activation
        self.first = nn.Parameter(nn.init.xavier_uniform_(torch.empty(n_items, hidden[0])))
        self.first_bias = nn.Parameter(torch.zeros(hidden[0]))
        self.rest = nn.ModuleList(nn.Linear(a, b) for a, b in zip(hidden, hidden[1:] + [n_items]))
        for layer in self.rest:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def hidden(self, rows):
        """What the output layer gets."""
        x = rows.times(self.first, self.training and self.args.mask) + self.first_bias
        for layer, kind in zip([*self.rest[:-1], None], self.kinds):
            x = ACTIVATIONS[kind](x)
            x = x if layer is None else layer(x)
        return x

    def forward(self, rows):
        return self.rest[-1](self.hidden(rows))


class Rows:
    """The rows of some users."""

    def __init__(self, data, users, args):
        self.args, lengths = args, data.ptr[users + 1] - data.ptr[users]
        self.start = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)[:-1]]))
        self.items = torch.from_numpy(data.items[np.repeat(data.ptr[users] - self.start.numpy(), lengths) + np.arange(lengths.sum())])
        self.row = torch.from_numpy(np.repeat(np.arange(len(users)), lengths))
        self.shape = len(users), data.n_items
        norm = np.sqrt(lengths) if args.normalize == "l2" else np.ones(len(users))
        self.values = torch.from_numpy(np.repeat(1 / norm, lengths).astype(np.float32))

    def dense(self, values):
        x = torch.zeros(self.shape)
        x[self.row, self.items] = values
        return x

    def times(self, weight, mask):
        """Rows, with a share of their cells masked, times the first layer."""
        x, keep = self.values, 1 / (1 - mask) if self.args.rescale else 1
        if self.args.first == "dense":
            x = self.dense(x)
            return (x * (torch.rand(x.shape) >= mask) * keep if mask else x) @ weight
        if mask:
            x = x * (torch.rand(x.shape) >= mask) * keep
        return functional.embedding_bag(self.items, weight, self.start, mode="sum", per_sample_weights=x)

    def loss(self, scores):
        if self.args.loss == "multinomial":
            return -functional.log_softmax(scores, 1)[self.row, self.items].sum() / self.shape[0]
        labels = self.dense(torch.ones(len(self.items)))
        if self.args.loss == "mse":
            return functional.mse_loss(scores, labels)
        return functional.binary_cross_entropy_with_logits(scores, labels)


def train(model, rule, data, rng, args):
    valid, test, spent, best, kept = data.held_out(args.valid), data.held_out(args.test), 0.0, -1.0, None
    looked_at = {u: known for u, items in valid.items() if (known := [i for i in items if i >= 0])}  # as the library looks

    def scores(users):
        model.eval()
        return model(Rows(data, users, args))
    for epoch in range(1, args.epochs + 1):
        begin, order, total = time.perf_counter(), rng.permutation(data.n_users), 0.0
        model.train()
        for at in range(0, data.n_users, args.batch):
            users = order[at:at + args.batch]
            total += step(model, rule, Rows(data, users, args)) * len(users)
        spent += time.perf_counter() - begin
        if epoch % args.eval_every and epoch != args.epochs:
            continue
        ndcg = peer.evaluate(data, looked_at, scores)[1] if valid else epoch
        peer.say(model="dae", seed=args.seed, epoch=epoch, loss=round(total / data.n_users, 6), valid_ndcg20=round(ndcg, 6) if valid else None,
                 train_seconds=round(spent, 2))
        if ndcg > best:
            best, best_epoch, kept, waited = ndcg, epoch, copy.deepcopy(model.state_dict()), 0
        elif (waited := waited + 1) == args.patience:
            break
    model.load_state_dict(kept)
    if test:
        recall, ndcg = peer.evaluate(data, test, scores, valid)
        peer.say(model="dae", seed=args.seed, best_epoch=best_epoch, recall20=round(recall, 6), ndcg20=round(ndcg, 6),
                 train_seconds=round(spent, 2), torch=torch.__version__, threads=args.threads)
    if args.out:
        model.eval()
        with torch.no_grad():
            users = [model.hidden(Rows(data, part, args)) for part in np.array_split(np.arange(data.n_users), 1 + data.n_users // 1024)]
            users = torch.cat(users)
            users = torch.cat([users, torch.ones(len(users), 1)], 1)
            items = torch.cat([model.rest[-1].weight, model.rest[-1].bias[:, None]], 1)
        peer.write_vectors(args.out, data, users.numpy(), items.numpy())


def step(model, rule, rows):
    rule.zero_grad()
    loss = rows.loss(model(rows))
    loss.backward()
    rule.step()
    return float(loss.detach())


def main():
    parse = argparse.ArgumentParser()
    peer.add_data_options(parse)
    parse.add_argument("--encoder", default="200", help="sizes of the layers; the last is the code")
    parse.add_argument("--decoder", default="0")
    parse.add_argument("--activation", choices=ACTIVATIONS, default="tanh")
    parse.add_argument("--code-activation", choices=ACTIVATIONS, default="tanh")
    parse.add_argument("--normalize", choices=["none", "l2"], default="l2")
    parse.add_argument("--mask", type=float, default=0.5)
    parse.add_argument("--rescale", type=int, default=1)
    parse.add_argument("--loss", choices=["multinomial", "bce", "mse"], default="multinomial")
    parse.add_argument("--lr", type=float, default=1e-3)
    parse.add_argument("--weight-decay", type=float, default=0)
    parse.add_argument("--batch", type=int, default=512)
    parse.add_argument("--first", choices=["dense", "bag"], default="dense")
    parse.add_argument("--adam", choices=["plain", "fused"], default="fused")
    parse.add_argument("--epochs", type=int, default=100)
    parse.add_argument("--eval-every", type=int, default=1)
    parse.add_argument("--patience", type=int, default=0, help="stop after so many looks without a better one; 0: never")
    parse.add_argument("--time-steps", type=int, default=0)
    parse.add_argument("--out", help="model file of the last layer's input and weights")
    args = parse.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng, data = np.random.default_rng(args.seed), peer.Data(args.train)
    model = Autoencoder(data.n_items, args)
    rule = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay,
                            **({"fused": True} if args.adam == "fused" else {}))
    if args.time_steps == 0:
        train(model, rule, data, rng, args)
        return

    def one():
        users = rng.choice(data.n_users, min(args.batch, data.n_users), replace=False)
        step(model, rule, Rows(data, users, args))
        return len(users)
    peer.time_steps("torch_dae_step", one, args.time_steps, first=args.first, adam=args.adam, encoder=args.encoder, decoder=args.decoder,
                    loss=args.loss, batch=args.batch, items=data.n_items, torch=torch.__version__, threads=args.threads)


if __name__ == "__main__":
    main()
