#!/usr/bin/env python3
"""torch_graph.py - LightGCN in PyTorch, written from the paper, to compare the library with.

He, Deng, Wang, Li, Zhang, Wang, "LightGCN", SIGIR 2020: E(l+1) = A E(l) on the symmetrically normalised graph, the mean of all
layers (eq. 7 and 8), BPR with one negative and L2 on the layer-0 rows of the batch, `decay / 2 * sum of squares / B` (eq. 15).

    torch_graph.py --train train.tsv.gz [--valid valid.tsv.gz] --test test.tsv.gz --epochs 150 --eval-every 10 --seed 1 --out m.safetensors
    torch_graph.py --train train.tsv.gz --time-steps 30 [--graph coo]

An epoch has each training pair once in a new order, as the library's, or with `--draw users` as many draws of a user and then
of one of his items, as the program released with the paper. `--graph csr`: a product with a CSR matrix in both directions,
A being symmetric; `coo`: torch.sparse.mm and its own backward. `--dropout`: undirected edges, both directions at once, the
others divided by what is kept. Prints JSON lines: one a look at the test data, or one of times. Needs numpy and torch."""
import argparse
import time
import warnings

import numpy as np
import torch
from torch.nn import functional

import peer

warnings.filterwarnings("ignore", message="Sparse")  # invariants unchecked, CSR in beta


class SymmetricProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, x):
        ctx.a = a
        return a @ x

    @staticmethod
    def backward(ctx, g):
        return None, ctx.a @ g.contiguous()


class Graph:
    """The normalised graph: nodes are the users, then the items."""

    def __init__(self, data, form, dropout, generator):
        self.n, self.form, self.dropout, self.generator = data.n_users + data.n_items, form, dropout, generator
        u, i = data.users, data.items + data.n_users
        rows, columns = np.concatenate([u, i]), np.concatenate([i, u])
        degree = np.bincount(rows, minlength=self.n)
        order = np.lexsort((columns, rows))
        self.edge = torch.from_numpy(np.concatenate([np.arange(data.n)] * 2)[order])  # the same both ways
        rows, columns = rows[order], columns[order]
        self.rows, self.columns = torch.from_numpy(rows), torch.from_numpy(columns)
        self.begin = torch.from_numpy(np.concatenate([[0], np.cumsum(degree)]))
        self.values = torch.from_numpy((1 / np.sqrt(degree[rows] * degree[columns].astype(float))).astype(np.float32))
        self.whole = self.matrix(self.values)

    def matrix(self, values):
        if self.form == "coo":
            return torch.sparse_coo_tensor(torch.stack([self.rows, self.columns]), values, (self.n, self.n), is_coalesced=True)
        return torch.sparse_csr_tensor(self.begin, self.columns, values, (self.n, self.n))

    def of_step(self):
        if self.dropout == 0:
            return self.whole
        kept = torch.rand(len(self.edge) // 2, generator=self.generator) >= self.dropout
        return self.matrix(self.values * kept[self.edge] / (1 - self.dropout))

    def propagate(self, a, start, layers):
        x, total = start, start
        for _ in range(layers):
            x = torch.sparse.mm(a, x) if self.form == "coo" else SymmetricProduct.apply(a, x)
            total = total + x
        return total / (layers + 1)


class Training:
    def __init__(self, data, args):
        self.data, self.args = data, args
        self.generator = torch.Generator().manual_seed(args.seed)
        self.rng = np.random.default_rng(args.seed)
        self.graph = Graph(data, args.graph, args.dropout, self.generator)
        self.table = torch.nn.Parameter(args.init * torch.randn(self.graph.n, args.dim, generator=self.generator))
        self.rule = torch.optim.Adam([self.table], lr=args.lr, **({"fused": True} if args.adam == "fused" else {}))

    def draw(self):
        """Users, items and negatives of an epoch."""
        d = self.data
        if self.args.draw == "users":
            users = self.rng.integers(0, d.n_users, d.n)
            at = d.ptr[users] + (self.rng.random(d.n) * (d.ptr[users + 1] - d.ptr[users])).astype(np.int64)
        else:
            at = self.rng.permutation(d.n)
        users = d.users[at]
        return torch.from_numpy(np.stack([users, d.items[at] + d.n_users, d.draw_negatives(self.rng, users) + d.n_users]))

    def step(self, triples):
        b = triples.shape[1]
        nodes = triples.reshape(-1)
        vectors = self.graph.propagate(self.graph.of_step(), self.table, self.args.layers)
        u, i, j = vectors.index_select(0, nodes).reshape(3, b, -1)
        loss = functional.softplus((u * j).sum(1) - (u * i).sum(1)).mean()
        loss = loss + self.args.decay / 2 * self.table.index_select(0, nodes).square().sum() / b
        self.rule.zero_grad()
        loss.backward()
        self.rule.step()
        return loss.detach()

    def epoch(self):
        triples, loss, b = self.draw(), 0.0, self.args.batch
        for at in range(0, self.data.n, b):
            loss += float(self.step(triples[:, at:at + b])) * min(b, self.data.n - at)
        return loss / self.data.n

    def vectors(self):
        with torch.no_grad():
            return self.graph.propagate(self.graph.whole, self.table, self.args.layers).split([self.data.n_users, self.data.n_items])


def train(t, args):
    data = t.data
    test, mask, spent = data.held_out(args.test), data.held_out(args.valid), 0.0
    for epoch in range(1, args.epochs + 1):
        begin = time.perf_counter()
        loss = t.epoch()
        spent += time.perf_counter() - begin
        if test and (epoch % args.eval_every == 0 or epoch == args.epochs):
            users, items = t.vectors()
            recall, ndcg = peer.evaluate(data, test, lambda part: users[torch.from_numpy(part)] @ items.T, mask)
            peer.say(model="lightgcn", seed=args.seed, epoch=epoch, loss=round(loss, 6), recall20=round(recall, 6), ndcg20=round(ndcg, 6),
                     train_seconds=round(spent, 2), torch=torch.__version__, threads=args.threads)
    if args.out:
        users, items = t.vectors()
        peer.write_vectors(args.out, data, users.numpy(), items.numpy())


def main():
    parse = argparse.ArgumentParser()
    peer.add_data_options(parse)
    parse.add_argument("--dim", type=int, default=64)
    parse.add_argument("--layers", type=int, default=3)
    parse.add_argument("--decay", type=float, default=1e-4)
    parse.add_argument("--init", type=float, default=0.1, help="standard deviation")
    parse.add_argument("--dropout", type=float, default=0)
    parse.add_argument("--lr", type=float, default=1e-3)
    parse.add_argument("--batch", type=int, default=2048)
    parse.add_argument("--draw", choices=["pairs", "users"], default="pairs")
    parse.add_argument("--graph", choices=["csr", "coo"], default="csr")
    parse.add_argument("--adam", choices=["plain", "fused"], default="fused")
    parse.add_argument("--epochs", type=int, default=150)
    parse.add_argument("--eval-every", type=int, default=10)
    parse.add_argument("--time-steps", type=int, default=0)
    parse.add_argument("--out", help="model file of the propagated vectors")
    args = parse.parse_args()
    torch.set_num_threads(args.threads)
    t = Training(peer.Data(args.train), args)
    if args.time_steps == 0:
        train(t, args)
        return
    triples, at = t.draw(), iter(range(0, 10 ** 12, args.batch))

    def step():
        begin = next(at) % max(1, t.data.n - args.batch)
        part = triples[:, begin:begin + args.batch]
        t.step(part)
        return part.shape[1]
    peer.time_steps("torch_lightgcn_step", step, args.time_steps, graph=args.graph, adam=args.adam, layers=args.layers, nodes=t.graph.n,
                    edges=2 * t.data.n, torch=torch.__version__, threads=args.threads)


if __name__ == "__main__":
    main()
