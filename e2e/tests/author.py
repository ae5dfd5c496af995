"""Signs a repository again with python-tuf, after targets were replaced: another author than ours.

usage: author.py REPO KEYS NAME=FILE...
"""

import hashlib
import shutil
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile


def newest(folder: Path, role: str) -> Metadata:
    versions = [int(path.name.split(".")[0]) for path in folder.glob(f"*.{role}.json")]
    return Metadata.from_file(str(folder / f"{max(versions)}.{role}.json"))


def main() -> None:
    repo, keys = Path(sys.argv[1]), Path(sys.argv[2])
    folder = repo / "metadata"
    signers = {}
    for role in ("targets", "snapshot", "timestamp"):
        key = load_pem_private_key((keys / f"{role}.pem").read_bytes(), None)
        signers[role] = CryptoSigner(key)
    targets, snapshot = newest(folder, "targets"), newest(folder, "snapshot")
    timestamp = Metadata.from_file(str(folder / "timestamp.json"))
    root = newest(folder, "root").signed

    for change in sys.argv[3:]:
        name, path = change.split("=", 1)
        targets.signed.targets[name] = TargetFile.from_file(name, path, ["sha256"])
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        place = repo / "targets" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place.with_name(f"{digest}.{place.name}"))

    targets.signed.version += 1
    snapshot.signed.version += 1
    snapshot.signed.meta["targets.json"].version = targets.signed.version
    snapshot.signed.meta["targets.json"].length = None
    snapshot.signed.meta["targets.json"].hashes = None
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta.version = snapshot.signed.version
    timestamp.signed.snapshot_meta.length = None
    timestamp.signed.snapshot_meta.hashes = None
    for role, metadata in (("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)):
        signer = signers[role]
        (keyid,) = root.roles[role].keyids
        signer.public_key.keyid = keyid
        metadata.signatures.clear()
        metadata.sign(signer)
    targets.to_file(str(folder / f"{targets.signed.version}.targets.json"))
    snapshot.to_file(str(folder / f"{snapshot.signed.version}.snapshot.json"))
    timestamp.to_file(str(folder / "timestamp.json"))


main()
