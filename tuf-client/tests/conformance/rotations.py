"""Keys: thresholds, kinds, rotations."""

from author import BELOW, Repository, signer

KINDS = {"ed25519": "00" * 64, "ecdsa": "3006020101020101", "rsa": "00" * 384}


def keys(new):
    s = new("threshold not met")
    s.repo.signed("root").roles["snapshot"].threshold = 3
    for _ in range(2):
        s.repo.add_key("snapshot")
    s.repo.publish("root", *BELOW)
    s.refresh(True)
    s.repo.signers["snapshot"].popitem()
    s.repo.publish(*BELOW)
    s.refresh(False, trusted={"root": 2, "timestamp": 3, "snapshot": 2, "targets": 2})

    s = new("fewer keys than the threshold")
    for _ in range(4):
        s.repo.add_key("snapshot")
    s.repo.signed("root").roles["snapshot"].threshold = 6
    s.repo.publish("root", "snapshot", "timestamp")
    s.refresh(False, trusted={"root": 2, "timestamp": 2, "snapshot": None, "targets": None})

    for copies in ("signatures", "key ids and signatures"):
        s = new(f"doubled {copies}")
        key = s.repo.add_key("snapshot")
        s.repo.signed("root").roles["snapshot"].threshold = 6 if "key" in copies else 1
        if "key" in copies:
            s.repo.signed("root").roles["snapshot"].keyids += [key.public_key.keyid] * 8
        s.repo.publish("root", "snapshot", "timestamp")
        s.repo.edit("snapshot", lambda md: md["signatures"].extend([md["signatures"][-1]] * 8))
        s.refresh(False, trusted={"root": 2, "timestamp": 2, "snapshot": None, "targets": None})

    for kind, wrong in KINDS.items():
        s = new(f"key of kind {kind}")
        key = s.repo.add_key("root", signer(60, kind))
        s.repo.signed("root").roles["root"].threshold = 2
        s.repo.publish("root")
        s.refresh(True, trusted={"root": 2, "timestamp": 1, "snapshot": 1, "targets": 1})
        s.repo.publish("root")

        def spoil(md):
            for signature in md["signatures"]:
                if signature["keyid"] == key.public_key.keyid:
                    signature["sig"] = wrong

        s.repo.edit("root", spoil)
        s.refresh(False, trusted={"root": 2, "timestamp": 1, "snapshot": 1, "targets": 1})

    for wrong in ("00" * 64, "", "no hexadecimal"):
        s = new(f"one good signature and {wrong[:14]!r}")
        s.repo.add_key("timestamp")
        s.repo.publish("root", "timestamp")
        s.repo.edit("timestamp", lambda md: md["signatures"][0].update(sig=wrong))
        s.refresh(True, trusted={"root": 2, "timestamp": 2, "snapshot": 1, "targets": 1})


FIVE = [0, 1, 2, 3, 4]
# Each root as (keys, threshold, signers), and whether the last of them is taken.
ROOTS = {
    "one key for another": ([([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])], True),
    "signatures of others": ([([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])], True),
    "three of five in turn": ([(FIVE, 3, [0, 2, 4]), (FIVE, 3, [0, 4, 1]), (FIVE, 3, [0, 1, 3])], True),
    "one of five replaced": ([(FIVE, 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])], True),
    "one of five replaced in two": (
        [(FIVE, 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4, 5]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], True),
    "all of five replaced": (
        [(FIVE, 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]), ([5, 6, 7, 8, 9], 3, [5, 6, 7])], True),
    "threshold up": ([([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])], True),
    "threshold down": ([([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])], True),
    "threshold up with a new key": ([([1], 1, [1]), ([1, 2], 2, [1, 2])], True),
    "old key did not sign": ([([1], 1, [1]), ([2], 1, [2, 3, 4])], False),
    "new key did not sign": ([([1], 1, [1]), ([2], 1, [1, 3, 4])], False),
    "too few new keys signed": ([(FIVE, 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])], False),
    "too few old keys signed": ([(FIVE, 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], False),
    "new threshold not met": ([([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])], False),
    "old threshold not met": ([([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])], False),
}
# One role as (keys, threshold, signers), and whether it is taken.
ROLES = {
    "another key": ([2], 1, [2], True),
    "signatures of others": ([1], 1, [3, 1, 4], True),
    "new key did not sign": ([2], 1, [1, 3, 4], False),
    "one of three is no key": ([0, 1, 3, 4, 5], 3, [0, 2, 4], False),
    "one of three is missing": ([0, 1, 3, 4, 5], 3, [0, 4], False),
    "first three of five": (FIVE, 3, [0, 2, 4], True),
    "other three of five": (FIVE, 3, [0, 4, 1], True),
    "last three of five": (FIVE, 3, [2, 3, 4], True),
}


def give(repo, role, keys, threshold, signers):
    repo.rotate(role, *(signer(200 + number) for number in keys))
    repo.signed("root").roles[role].threshold = threshold
    made = [signer(200 + number) for number in signers]
    repo.signers[role] = {key.public_key.keyid: key for key in made}


def root(new):
    for name, (roots, taken) in ROOTS.items():
        repo = Repository()
        repo.signed("root").version = 0
        for state in roots:
            give(repo, "root", *state)
            repo.publish("root")
        s = new(f"root: {name}", repo)
        expected = len(roots) if taken else len(roots) - 1
        below = 1 if taken else None
        s.refresh(taken, trusted={"root": expected, "timestamp": below, "snapshot": below, "targets": below})


def below(new):
    for role in ("timestamp", "snapshot", "targets"):
        for name, (keys, threshold, signers, taken) in ROLES.items():
            s = new(f"{role}: {name}")
            give(s.repo, role, keys, threshold, signers)
            s.repo.publish("root", *BELOW)
            s.refresh(taken, **({"same": True} if taken else {}))
