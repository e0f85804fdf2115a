"""Writes log.json: vectors of the transparency log, computed apart from the server and the SDK.

Needs Python 3.9 and the package `cryptography`. Roots, proofs and signed notes that others
published are literals; the script refuses to write if it does not reproduce them. They come from
`transparency-dev/merkle` (leaves, roots, proofs), `c2sp.org/signed-note` and Go's `sumdb/note`.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HERE = pathlib.Path(__file__).parent

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
          "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAF_HASHES = [
    ROOTS[1],
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
]
PUBLISHED_INCLUSION = {
    (0, 8): "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c= Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4= a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
    (5, 8): "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms= yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA= 037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    (2, 3): "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",
    (1, 5): "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0= Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4= vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
}
PUBLISHED_CONSISTENCY = {
    (1, 8): "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c= Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4= a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
    (6, 8): "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o= yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA= 037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    (2, 5): "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4= vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    (6, 7): "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o= sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8= 037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
}
PUBLISHED_NOTES = [
    ("c2sp", "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
     "This is an example message.\n",
     "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="),
    ("go", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
     "If you think cryptography is the answer to your problem,\n"
     "then you don't know what your problem is.\n",
     "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="),
]


def sha(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def leaf(data):
    return sha(b"\0" + data)


def node(left, right):
    return sha(b"\1" + left + right)


def split(count):
    """The largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


def root(leaves):
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node(root(leaves[:middle]), root(leaves[middle:]))


def inclusion(index, leaves):
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return inclusion(index, leaves[:middle]) + [root(leaves[middle:])]
    return inclusion(index - middle, leaves[middle:]) + [root(leaves[:middle])]


def consistency(size, leaves, whole=True):
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    middle = split(len(leaves))
    if size <= middle:
        return consistency(size, leaves[:middle], whole) + [root(leaves[middle:])]
    return consistency(size - middle, leaves[middle:], False) + [root(leaves[:middle])]


def key_id(name, public):
    return sha(name.encode() + b"\n\x01" + public)[:4]


def verifier_key(name, public):
    return f"{name}+{key_id(name, public).hex()}+{b64(bytes([1]) + public)}"


def signed(name, seed, text):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    line = b64(key_id(name, public) + private.sign(text.encode()))
    return {
        "name": name,
        "seed": b64(seed),
        "verifier_key": verifier_key(name, public),
        "text": text,
        "note": f"{text}\n— {name} {line}\n",
    }


def check_published(key, text, signature):
    name, identity, public = key.split("+", 2)
    public = base64.b64decode(public)[1:]
    assert verifier_key(name, public) == key and key_id(name, public).hex() == identity
    raw = base64.b64decode(signature)
    assert raw[:4] == key_id(name, public)
    Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())


def transaction_leaf(name, chain_before, chain, entries):
    salts = [sha(b"coalition/salt" + chain_before + place.to_bytes(4, "big"))
             for place in range(1, len(entries) + 1)]
    commitments = [sha(salt + entry.encode()) for salt, entry in zip(salts, entries)]
    data = sha(b"coalition/leaf" + chain) + b"".join(commitments)
    return {
        "name": name,
        "chain_before": chain_before.hex(),
        "chain": chain.hex(),
        "entries": entries,
        "salts": [salt.hex() for salt in salts],
        "commitments": [commitment.hex() for commitment in commitments],
        "data": data.hex(),
        "hash": leaf(data).hex(),
    }


def main():
    hashes = [leaf(bytes.fromhex(data)) for data in LEAVES]
    assert [one.hex() for one in hashes] == LEAF_HASHES
    assert [root(hashes[:size]).hex() for size in range(9)] == ROOTS
    paths = {(index, size): [b64(one) for one in inclusion(index, hashes[:size])]
             for size in range(1, 9) for index in range(size)}
    steps = {(old, new): [b64(one) for one in consistency(old, hashes[:new])]
             for new in range(1, 9) for old in range(1, new + 1)}
    assert all(paths[at] == text.split() for at, text in PUBLISHED_INCLUSION.items())
    assert all(steps[at] == text.split() for at, text in PUBLISHED_CONSISTENCY.items())
    for _, key, text, signature in PUBLISHED_NOTES:
        check_published(key, text, signature)
    assert leaf(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"

    seed = bytes(range(32))
    checkpoint = f"coalition.example/log/3\n8\n{b64(bytes.fromhex(ROOTS[8]))}\n"
    entry = '{"amount":"72.00","from":"shop","id":"tx_3_1042/2","to":"house"}'
    document = {
        "hashers": [
            {"kind": "leaf", "data": b"L123456".hex(), "hash": leaf(b"L123456").hex()},
            {"kind": "leaf", "data": "", "hash": leaf(b"").hex()},
        ],
        "nodes": [{"left": one, "right": two,
                   "hash": node(bytes.fromhex(one), bytes.fromhex(two)).hex()}
                  for one, two in zip(LEAF_HASHES[::2], LEAF_HASHES[1::2])],
        "leaves": LEAVES,
        "leaf_hashes": LEAF_HASHES,
        "roots": ROOTS,
        "inclusion": [{"index": index, "size": size, "path": path}
                      for (index, size), path in paths.items()],
        "consistency": [{"from": old, "to": new, "path": path}
                        for (old, new), path in steps.items()],
        "published_notes": [
            {"name": name, "verifier_key": key, "text": text,
             "note": f"{text}\n— {key.split('+')[0]} {signature}\n"}
            for name, key, text, signature in PUBLISHED_NOTES],
        "notes": [
            signed("coalition.example", seed, checkpoint),
            signed("coalition.example", seed, "coalition.example/statement/S-1\n"),
        ],
        "checkpoints": [{"text": checkpoint, "origin": "coalition.example/log/3", "size": 8,
                         "root": ROOTS[8]}],
        "transactions": [
            transaction_leaf("without money", bytes(32), sha(b"1"), []),
            transaction_leaf("two entries", sha(b"1"), sha(b"2"), [entry, "{}"]),
        ],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    (HERE / "log.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
