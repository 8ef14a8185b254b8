#!/usr/bin/env bash
# vectors.sh - item vectors of two-tower-product in a vector index: a flat index of inner products over what `recsys export` writes
# gives the lists of `recsys recommend`. The index is faiss where Python has it; numpy alone otherwise.
. "$(dirname "$0")/support.sh"

# compare: the lists of list.tsv are those of the index over items.npy, asked with users.npy.
compare() {
  "$python" - <<'PYTHON'
import sys
import numpy as np

K = 10
items, users = np.load("items.npy"), np.load("users.npy")
item_ids, user_ids = open("items.txt").read().split("\n")[:-1], open("users.txt").read().split("\n")[:-1]
assert items.dtype == users.dtype == np.float32 and items.shape == (len(item_ids), users.shape[1]) and len(users) == len(user_ids)
lists = {}
for line in open("list.tsv", encoding="utf-8").read().split("\n")[1 if open("list.tsv").readline().startswith("user") else 0:]:
    if line:
        user, rank, item, score = line.split("\t")[:4]
        lists.setdefault(user, []).append((item, float(score)))
assert sorted(lists) == sorted(user_ids), "a user has no list"
try:
    import faiss
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    scores, found = index.search(users, K)
    print("compared with faiss", faiss.__version__)
except ImportError:
    all_scores = users @ items.T
    found = np.argsort(-all_scores, axis=1, kind="stable")[:, :K]
    scores = np.take_along_axis(all_scores, found, 1)
    print("compared with numpy: there is no faiss")
exact = users.astype(np.float64) @ items.T.astype(np.float64)
shift = None
for u, user in enumerate(user_ids):
    ours = lists[user]
    assert len(ours) == K
    assert len(set(item for item, _ in ours)) == K
    near = 1e-5 * (1 + np.abs(exact[u]).max())
    for k, (item, score) in enumerate(ours):
        i = item_ids.index(item)
        # The same item at each place; where scores agree to rounding, either order will do.
        if i != found[u, k] and abs(exact[u, i] - exact[u, found[u, k]]) > near:
            sys.exit(f"user {user}, place {k}: the model has {item}, the index {item_ids[found[u, k]]}")
        shift = score - exact[u, i] if shift is None else shift
        if abs(score - exact[u, i] - shift) > 2 * near + 1e-4:
            sys.exit(f"user {user}, item {item}: score {score}, inner product {exact[u, i]}, bias {shift}")
if sys.argv[1:] == ["unit"]:
    assert np.allclose(np.linalg.norm(items, axis=1), 1, atol=1e-6)
PYTHON
}

test_index_of_item_vectors() {
  local data=$here/../../examples/data/entree/events.tsv.gz params
  if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "skipped: Python has no numpy"
    return 0
  fi
  for params in layers=16:8,output=cosine,objective=in-batch layers=16,output=dot,objective=shared,shared_negatives=64 layers=16:8,output=linear; do
    run 0 train two-tower-product --train "$data" --columns user,item,behaviour,time,session --duplicates last --k-core 30 \
      --params "$params" --epochs 1 --seed 1 --quiet --out m.safetensors
    run 0 export m.safetensors --tensor item_vector --out items.npy
    run 0 export m.safetensors --tensor user_vector --out users.npy
    run 0 export m.safetensors --ids items --out items.txt
    run 0 export m.safetensors --ids users --out users.txt
    run 0 recommend m.safetensors --all --keep-seen --top 10 --out list.tsv
    compare
  done
}

run_tests
