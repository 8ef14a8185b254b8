#!/usr/bin/env python3
"""read_safetensors.py - model files as others read them: with the safetensors package of PyPI and NumPy.

Usage: read_safetensors.py WRITE_MODELS
  WRITE_MODELS  the program of write_models.c

Reads every file that the program writes, compares each tensor, the ids, histories and metadata with what the library
says is in the model, recomputes the checksums by their definition in docs/model-file.md, and unpacks the precision matrix
of EASE^R by the function given there to get the library's item weights. Ends with 77 (skipped) where a package is missing.

SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy
    from safetensors import safe_open
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def full(data, n):
    """The whole matrix from its packed lower half: see docs/model-file.md."""
    m = -(-n // 4)
    P = numpy.empty((4 * m, 4 * m), data.dtype)
    for a in range(m):
        strip = data[8 * a * (a + 1):8 * (a + 1) * (a + 2)].reshape(a + 1, 4, 4)
        strip = strip.transpose(1, 0, 2).reshape(4, 4 * (a + 1))
        P[4 * a:4 * (a + 1), :4 * (a + 1)] = strip
        P[:4 * (a + 1), 4 * a:4 * (a + 1)] = strip.T
    return P[:n, :n]


def read_facts(path):
    facts = {}
    for line in path.read_text().splitlines():
        word, _, value = line.partition(" ")
        facts.setdefault(word, []).append(value)
    return facts


def check_header(path, metadata):
    """Length, order and alignment of the header, and its checksum."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    text = raw[8:8 + length]
    assert length % 8 == 0 and text.rstrip(b" ").endswith(b"}"), "the header is not padded with spaces to 8 bytes"
    own = metadata["crc32.__header__"].encode()
    assert text.count(own) == 1
    assert zlib.crc32(raw[:8] + text.replace(own, b"0" * 8)) == int(own, 16), "checksum of the header"
    end = 0
    for name, entry in json.loads(text).items():
        if name == "__metadata__":
            continue
        begin, stop = entry["data_offsets"]
        size = {"F32": 4, "I32": 4, "I64": 8, "U8": 1}[entry["dtype"]]
        assert begin == end and (8 + length + begin) % size == 0, f"{name}: gap or alignment"
        assert metadata[f"crc32.{name}"] == f"{zlib.crc32(raw[8 + length + begin:8 + length + stop]):08x}", f"checksum of {name}"
        end = stop
    assert 8 + length + end == len(raw), "bytes after the last tensor"


def ids_of(tensors, side, metadata):
    if metadata[f"{side}_id_type"] == "int":
        return [str(i) for i in tensors[f"{side}_ids"]]
    raw, offsets = tensors[f"{side}_id_bytes"].tobytes(), tensors[f"{side}_id_offsets"]
    return [raw[offsets[i]:offsets[i + 1]].decode() for i in range(len(offsets) - 1)]


def histories_of(tensors):
    if "history_ptr" not in tensors:
        return []
    ptr, item = tensors["history_ptr"], tensors["history_item"]
    value = tensors.get("history_value", numpy.ones(len(item), numpy.float32))
    return [f"{u}:{item[e]}:{int(2 * value[e])}" for u in range(len(ptr) - 1) for e in range(ptr[u], ptr[u + 1])]


def check_model(path):
    with safe_open(str(path), framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    facts = read_facts(path.with_suffix(".txt"))
    assert metadata["format"] == "recsys-model" and metadata["format_version"] == "1"
    for word in "model", "params", "library":
        assert metadata[word] == facts[word][0], word
    check_header(path, metadata)
    assert ids_of(tensors, "user", metadata) == facts["user"]
    assert ids_of(tensors, "item", metadata) == facts["item"]
    assert histories_of(tensors) == facts.get("history", [])
    compared = 0
    for raw in path.parent.glob(path.stem + ".*.raw"):
        name = raw.name[len(path.stem) + 1:-4]
        if name in tensors:
            assert tensors[name].tobytes() == raw.read_bytes(), name
            compared += 1
    known = {"user_ids", "user_id_bytes", "user_id_offsets", "item_ids", "item_id_bytes", "item_id_offsets", "history_ptr",
             "history_item", "history_value"}
    assert compared and compared == len(set(tensors) - known), "tensors in the file that the model does not list"
    check_item_weights(path, tensors, len(facts["item"]))


def check_item_weights(path, tensors, n):
    """B[i, j] = -P[i, j] / P[j, j], 0 on the diagonal, or the rows of the sparse form."""
    raw = path.parent / f"{path.stem}.item_weights.raw"
    if not raw.exists():
        return
    B = numpy.frombuffer(raw.read_bytes(), "<f4").reshape(n, n)
    if "precision" in tensors:
        P = full(tensors["precision"], n).astype(numpy.float64)
        assert (P == P.T).all() and (P.diagonal() > 0).all()
        wanted = -P / P.diagonal()
        numpy.fill_diagonal(wanted, 0)
    else:
        wanted = numpy.zeros((n, n))
        ptr = tensors["weights_ptr"]
        for i in range(n):
            row = slice(ptr[i], ptr[i + 1])
            wanted[i, tensors["weights_item"][row]] = tensors["weights_value"][row]
    # A division in float32: half a unit in the last place.
    assert (numpy.abs(B - wanted) <= 2.0 ** -23 * numpy.abs(wanted)).all(), "item weights"


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        files = sorted(pathlib.Path(folder).glob("*.safetensors"))
        assert files, "nothing was written"
        for path in files:
            check_model(path)
            print(f"{path.name}: read with safetensors and NumPy, all equal")


if __name__ == "__main__":
    main()
