"""Writes every scenario below a folder. usage: scenarios.py FOLDER"""

import hashlib
import json
import sys

import delegated
import rotations
from author import BELOW, TOP, Repository, Scenario, after, clean, signer

FIRST = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]


def versions(root=None, timestamp=None, snapshot=None, targets=None):
    return {"root": root, "timestamp": timestamp, "snapshot": snapshot, "targets": targets}


def basic(new):
    s = new("basic requests and bytes")
    s.repo.files["timestamp.json"] += b" "
    s.refresh(True, requests=FIRST, trusted=versions(1, 1, 1, 1), same=True)
    s = new("a download refreshes first")
    s.download("missing", False, requests=FIRST, trusted=versions(1, 1, 1, 1), targets=[])

    s = new("first root without a version")
    root = json.loads(s.root)
    del root["signed"]["version"]
    s.root = json.dumps(root).encode()
    s.refresh(False, requests=[])
    s = new("first root without its signature")
    root = json.loads(s.root)
    root["signatures"][0]["sig"] = "00" * 64
    s.root = json.dumps(root).encode()
    s.refresh(False, requests=[])

    expected = {
        "root": versions(1), "timestamp": versions(2), "snapshot": versions(2, 2), "targets": versions(2, 2, 2),
    }
    for role, trusted in expected.items():
        s = new(f"unsigned {role}")
        s.repo.signers[role] = {}
        s.repo.publish("root", *BELOW)
        s.refresh(False, trusted=trusted)
    for role in ("root", "snapshot", "targets"):
        s = new(f"{role} under another version's name")
        s.repo.publish(*(other for other in ("targets", "snapshot", "timestamp", "root") if other != role))
        s.repo.signed(role).version = 2
        if role == "root":
            s.repo.publish("root", under=2)
        else:
            s.repo.publish(role, under=2)
            s.repo.signed(role).version = 2
            s.repo.name(role, b"")
            s.repo.publish(*(("snapshot",) if role == "targets" else ()), bump=False)
            s.repo.publish("timestamp", bump=False)
        s.refresh(False, trusted=expected[role])

    s = new("a timestamp of the same version and other contents is not taken")
    s.refresh(True)
    s.repo.signed("timestamp").snapshot_meta.version = 100
    s.repo.publish("timestamp", bump=False)
    s.refresh(True, requests=["2.root.json", "timestamp.json"], same=["snapshot"], trusted=versions(1, 1, 1, 1))

    s = new("hashes of metadata")
    s.repo.hashed = True
    s.repo.publish(*BELOW)
    s.refresh(True)
    s.repo.publish("targets")
    s.repo.signed("snapshot").meta["targets.json"].hashes["sha256"] = "46" * 32
    s.repo.publish("snapshot", "timestamp")
    s.refresh(False, trusted=versions(1, 3, 3, 2))

    s = new("fields that nobody knows")
    key = signer(50)
    key.public_key.unrecognized_fields["extra"] = {"b": 2, "a": 1}
    s.repo.add_key("root", key)
    s.repo.signed("root").unrecognized_fields["custom"] = "value"
    s.repo.signed("root").roles["root"].unrecognized_fields["other"] = [True, None]
    s.repo.publish("root")
    s.refresh(True, trusted=versions(2, 1, 1, 1), same=True)
    s = new("a key with keyid_hash_algorithms")
    key = signer(51)
    key.public_key.unrecognized_fields["keyid_hash_algorithms"] = "md5"
    s.repo.rotate("snapshot", key)
    s.repo.publish("root", "snapshot", "timestamp")
    s.refresh(True, trusted=versions(2, 2, 2, 1))

    s = new("snapshot not there")
    s.refresh(True)
    s.repo.signed("timestamp").snapshot_meta.version = 2
    s.repo.publish("timestamp")
    s.refresh(False, trusted=versions(1, 2, 1, 1), requests=["2.root.json", "timestamp.json", "2.snapshot.json"])
    s = new("targets not there")
    s.refresh(True)
    s.repo.signed("snapshot").meta["targets.json"].version = 2
    s.repo.publish("snapshot", "timestamp")
    s.refresh(False, trusted=versions(1, 2, 2, 1))
    s = new("timestamp not there")
    s.refresh(True)
    del s.repo.files["timestamp.json"]
    s.refresh(False, trusted=versions(1, 1, 1, 1), requests=["2.root.json", "timestamp.json"])

    for role in ("snapshot", "targets"):
        s = new(f"{role} newer than what is named are not asked for")
        s.refresh(True)
        s.repo.publish_unnamed(role)
        s.refresh(True, requests=["2.root.json", "timestamp.json"], trusted=versions(1, 1, 1, 1))
        s.repo.publish(*BELOW[BELOW.index(role) + 1:])
        further = ["2.snapshot.json"] if role == "targets" else []
        s.refresh(True, requests=["2.root.json", "timestamp.json"] + further,
                  trusted=versions(1, 2, 2 if further else 1, 1))

    s = new("a snapshot in place of the timestamp")
    s.repo.add_key("snapshot", next(iter(s.repo.signers["timestamp"].values())))
    s.repo.signed("snapshot").meta["snapshot.json"] = s.repo.signed("timestamp").snapshot_meta
    s.repo.publish("root", "snapshot")
    s.repo.files["timestamp.json"] = s.repo.current("snapshot")
    s.refresh(False, trusted=versions(2))


def rollback(new):
    s = new("timestamp goes back")
    s.repo.publish("timestamp")
    s.refresh(True, trusted=versions(1, 2, 1, 1))
    s.repo.signed("timestamp").version = 1
    s.repo.publish("timestamp", bump=False)
    s.refresh(False, trusted=versions(1, 2, 1, 1), requests=["2.root.json", "timestamp.json"])
    for hashed in (False, True):
        s = new(f"snapshot goes back, hashes {hashed}")
        s.repo.hashed = hashed
        s.repo.publish("snapshot", "timestamp")
        s.refresh(True)
        s.repo.signed("snapshot").version = 1
        s.repo.publish("snapshot", bump=False)
        s.repo.publish("timestamp")
        s.refresh(False, trusted=versions(1, 2, 2, 1), requests=["2.root.json", "timestamp.json"])
        s = new(f"targets go back, hashes {hashed}")
        s.repo.hashed = hashed
        s.repo.publish(*BELOW)
        s.refresh(True)
        s.repo.signed("targets").version = 1
        s.repo.publish("targets", bump=False)
        s.repo.publish("snapshot", "timestamp")
        s.refresh(False, trusted=versions(1, 3, 2, 2))
    s = new("a targets role is dropped from the snapshot")
    s.repo.delegate("targets", "a")
    s.repo.publish("a", *BELOW)
    s.refresh(True)
    del s.repo.signed("snapshot").meta["a.json"]
    s.repo.publish("snapshot", "timestamp")
    s.refresh(False, trusted=versions(1, 3, 2, 2))

    for role, renewed in (("timestamp", ["timestamp"]), ("snapshot", ["snapshot", "timestamp"]), ("targets", ["snapshot"])):
        s = new(f"recovery from a {role} version far ahead")
        s.repo.delegate("targets", "a")
        s.repo.publish("a")
        s.repo.signed(role).version = 100
        s.repo.publish(role, bump=False)
        s.repo.publish(*(BELOW[BELOW.index(role) + 1:]))
        s.refresh(True)
        for key in renewed:
            s.repo.rotate(key)
        s.repo.publish("root")
        s.repo.signed(role).version = 1
        if role == "targets":
            del s.repo.signed("snapshot").meta["a.json"]
        s.repo.publish(role, bump=False)
        s.repo.publish(*(BELOW[BELOW.index(role) + 1:]))
        trusted = {"timestamp": (2, 1, 1, 1), "snapshot": (2, 3, 1, 1), "targets": (2, 3, 3, 1)}[role]
        s.refresh(True, trusted=versions(*trusted))


def expiry(new):
    for role, trusted in {
        "root": (2, 1, 1, 1), "timestamp": (1, 1, 1, 1), "snapshot": (1, 2, 1, 1), "targets": (1, 2, 2, 1),
    }.items():
        s = new(f"{role} expired")
        s.refresh(True)
        s.repo.signed(role).expires = after(-1)
        s.repo.publish(*([role] if role == "root" else BELOW[BELOW.index(role):]))
        s.refresh(False, trusted=versions(*trusted))
    s = new("what expired here is updated")
    for role in BELOW:
        s.repo.signed(role).expires = after(7)
    s.repo.publish(*BELOW)
    s.refresh(True)
    for role in BELOW:
        s.repo.signed(role).expires = after(21)
    s.repo.publish(*BELOW)
    s.refresh(True, time=after(18), trusted=versions(1, 3, 3, 3))
    s = new("a root that expired here is updated")
    for days in (7, 21):
        s.repo.signed("root").expires = after(days)
        s.repo.publish("root")
        s.refresh(True, time=after(days - 3), trusted=versions(2 if days == 7 else 3, 1, 1, 1))
    s = new("the clock is looked at")
    s.repo.signed("root").expires = after(7)
    s.repo.publish("root")
    s.refresh(True)
    s.refresh(False, time=after(8))


def targets(new):
    for name in ("file.txt", "path/to/a/file.txt"):
        s = new(f"target {name}")
        s.repo.add_target("targets", name, b"contents")
        s.repo.publish(*BELOW)
        s.refresh(True, targets=[])
        s.download(name, True, targets=["contents"])
        s.download(name, True, targets=["contents"], files=[])
    s = new("targets are replaced by others")
    s.repo.add_target("targets", "one", b"contents of one")
    s.repo.add_target("targets", "two", b"contents of two")
    s.repo.publish(*BELOW)
    s.download("one", True, targets=["contents of one"])
    for name in s.repo.targets:
        s.repo.targets[name] = b"evil"
    s.download("one", True, targets=["contents of one"])
    s.download("two", False, targets=["contents of one"])
    s = new("a target changes often")
    for number in range(4):
        s.repo.add_target("targets", "file", f"contents {number}".encode())
        s.repo.publish(*BELOW)
        s.download("file", True, targets=[f"contents {number}"])
        served = dict(s.repo.targets)
        target = s.repo.add_target("targets", "file", f"contents {number} next".encode())
        s.repo.publish(*BELOW)
        s.repo.serve_target("file", target, b"evil")
        s.download("file", False, targets=[f"contents {number}"])
        s.repo.targets = served
    s = new("versions that were never seen, and targets beside a target")
    for number in range(7):
        s.repo.add_target("targets", "file", f"contents {number}".encode())
        s.repo.add_target("targets", f"file-{number}", f"other {number}".encode())
        s.repo.publish(*BELOW)
        if number % 3 == 0:
            others = [f"other {seen}" for seen in range(0, number, 3)]
            s.download("file", True, targets=[f"contents {number}", *others], fetched=1)
            s.download(f"file-{number}", True, targets=[f"contents {number}", *others, f"other {number}"], fetched=1)
    for hashes in (["sha256"], ["sha512"], ["sha256", "sha512"]):
        s = new(f"target hashes {' '.join(hashes)}")
        s.repo.add_target("targets", "file", b"contents", hashes)
        s.repo.publish(*BELOW)
        s.download("file", True, targets=["contents"], fetched=1)
    s = new("target hash that nobody knows")
    target = s.repo.add_target("targets", "file", b"contents")
    target.hashes = {"unknown": hashlib.sha256(b"contents").hexdigest()}
    s.repo.publish(*BELOW)
    s.download("file", False, targets=[])


def main():
    folder = sys.argv[1]
    clean(folder)
    made = []

    def new(name, repository=None):
        made.append(Scenario(folder, name, repository or Repository()))
        return made[-1]

    for group in (basic, rollback, expiry, targets, rotations.keys, rotations.root, rotations.below,
                  delegated.graphs, delegated.found, delegated.names, delegated.bins, delegated.expired):
        group(new)
    for scenario in made:
        scenario.write()


main()
