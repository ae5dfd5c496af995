"""A repository that python-tuf signs, and the steps that a client takes through its states.

Each step is a folder with what the server has at that time and a record of what is run and expected.
"""

import copy
import hashlib
import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
TOP = ("root", "timestamp", "snapshot", "targets")
BELOW = ("targets", "snapshot", "timestamp")

_keys = {}


def signer(number, kind="ed25519"):
    """One key a number and kind, for all scenarios: making them takes longest."""
    make = {
        "ed25519": CryptoSigner.generate_ed25519,
        "ecdsa": CryptoSigner.generate_ecdsa,
        "rsa": CryptoSigner.generate_rsa,
    }
    if (number, kind) not in _keys:
        _keys[number, kind] = make[kind]()
    made = _keys[number, kind]
    return CryptoSigner(made._private_key, copy.deepcopy(made.public_key))


def after(days):
    return NOW + timedelta(days=days)


def fresh(expires):
    """A targets role before its first version."""
    md = Metadata(Targets(expires=expires))
    md.signed.version = 0
    return md


class Repository:
    def __init__(self):
        expires = after(30)
        self.md = {
            "root": Metadata(Root(expires=expires, consistent_snapshot=True)),
            "timestamp": Metadata(Timestamp(expires=expires)),
            "snapshot": Metadata(Snapshot(expires=expires)),
            "targets": Metadata(Targets(expires=expires)),
        }
        self.signers = {}
        self.files = {}
        self.targets = {}
        self.hashed = False
        self.next_key = 100
        for number, role in enumerate(TOP):
            self.add_key(role, signer(number))
        self.publish("targets", "snapshot", "timestamp", "root", bump=False)

    def signed(self, role):
        return self.md[role].signed

    def add_key(self, role, key=None, delegator="root"):
        if key is None:
            self.next_key += 1
            key = signer(self.next_key)
        self.signed(delegator).add_key(key.public_key, role)
        self.signers.setdefault(role, {})[key.public_key.keyid] = key
        return key

    def rotate(self, role, *keys):
        """Replaces all keys of a role, by one new key if none are given."""
        for keyid in list(self.signed("root").roles[role].keyids):
            self.signed("root").revoke_key(keyid, role)
        self.signers[role] = {}
        for key in keys or [None]:
            self.add_key(role, key)

    def file(self, role):
        version = self.signed(role).version
        return "timestamp.json" if role == "timestamp" else f"{version}.{quote(role, '')}.json"

    def publish(self, *roles, bump=True, under=None):
        """Signs roles in this order; `under` is a version for the file name that the metadata does not have."""
        for role in roles:
            md = self.md[role]
            if bump:
                md.signed.version += 1
            md.signatures.clear()
            for key in self.signers[role].values():
                md.sign(key, append=True)
            data = md.to_bytes(JSONSerializer())
            name = self.file(role) if under is None else f"{under}.{role}.json"
            self.files[name] = data
            self.name(role, data)

    def publish_unnamed(self, role):
        """Signs a snapshot or targets that what is above them does not name."""
        above = {"snapshot": "timestamp", "targets": "snapshot"}[role]
        before = copy.deepcopy(self.signed(above))
        self.publish(role)
        self.md[above].signed = before

    def name(self, role, data):
        """Has the snapshot name a targets role, or the timestamp the snapshot."""
        entry = MetaFile(self.signed(role).version)
        if self.hashed:
            entry.length = len(data)
            entry.hashes = {"sha256": hashlib.sha256(data).hexdigest()}
        if role == "snapshot":
            self.signed("timestamp").snapshot_meta = entry
        elif role not in ("root", "timestamp"):
            self.signed("snapshot").meta[f"{role}.json"] = entry

    def current(self, role):
        return self.files[self.file(role)]

    def edit(self, role, change):
        """Changes the JSON of what was signed, without signing it again."""
        value = json.loads(self.current(role))
        change(value)
        self.files[self.file(role)] = json.dumps(value).encode()

    def add_target(self, role, name, data, hashes=("sha256",)):
        target = TargetFile.from_data(name, data, list(hashes))
        self.signed(role).targets[name] = target
        self.serve_target(name, target, data)
        return target

    def serve_target(self, name, target, data):
        folder, slash, file = name.rpartition("/")
        for digest in target.hashes.values():
            self.targets[f"{folder}{slash}{digest}.{file}"] = data

    def delegate(self, delegator, role, paths=("*",), prefixes=None, terminating=False, expires=None):
        if role not in self.md:
            self.md[role] = fresh(expires or after(30))
        if self.signed(delegator).delegations is None:
            self.signed(delegator).delegations = Delegations({}, {})
        scope = (None, list(prefixes)) if prefixes else (list(paths), None)
        delegation = DelegatedRole(role, [], 1, terminating, *scope)
        self.signed(delegator).delegations.roles[role] = delegation
        self.add_key(role, delegator=delegator)

    def delegate_bins(self, bits, prefix):
        bins = SuccinctRoles([], 1, bits, prefix)
        self.signed("targets").delegations = Delegations({}, None, bins)
        self.next_key += 1
        key = signer(self.next_key)
        self.signed("targets").add_key(key.public_key)
        for role in bins.get_roles():
            self.md[role] = fresh(after(30))
            self.signers[role] = {key.public_key.keyid: key}
        return bins


class Scenario:
    """Steps of one client against one repository, written below `folder`."""

    def __init__(self, folder, name, repository=None):
        self.folder = Path(folder) / quote(name, "")
        self.repo = repository or Repository()
        self.root = self.repo.files["1.root.json"]
        self.steps = []

    def refresh(self, ok, **expected):
        self.step(["refresh"], ok, expected)

    def download(self, name, ok, **expected):
        self.step(["download", name], ok, expected)

    def step(self, run, ok, expected):
        time = expected.pop("time", NOW)
        folder = self.folder / str(len(self.steps))
        for kind, files in (("metadata", self.repo.files), ("targets", self.repo.targets)):
            (folder / kind).mkdir(parents=True)
            for name, data in files.items():
                path = folder / kind / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self.steps.append({"run": run, "ok": ok, "time": time.isoformat(), **expected})

    def write(self):
        (self.folder / "root.json").write_bytes(self.root)
        (self.folder / "steps.json").write_text(json.dumps(self.steps))


def clean(folder):
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
