"""Withdraws the keys of timestamp and snapshot with a new root, and signs both again with new keys.

usage: withdraw.py REPO KEYS
"""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata


def newest(folder: Path, role: str) -> Metadata:
    versions = [int(path.name.split(".")[0]) for path in folder.glob(f"*.{role}.json")]
    return Metadata.from_file(str(folder / f"{max(versions)}.{role}.json"))


def main() -> None:
    repo, keys = Path(sys.argv[1]), Path(sys.argv[2])
    folder = repo / "metadata"
    root, snapshot = newest(folder, "root"), newest(folder, "snapshot")
    timestamp = Metadata.from_file(str(folder / "timestamp.json"))
    signers = {role: CryptoSigner.generate_ed25519() for role in ("snapshot", "timestamp")}
    for role, signer in signers.items():
        for keyid in list(root.signed.roles[role].keyids):
            root.signed.revoke_key(keyid, role)
        root.signed.add_key(signer.public_key, role)
    root.signed.version += 1
    root.signatures.clear()
    for path in sorted(keys.glob("root*.pem")):
        signer = CryptoSigner(load_pem_private_key(path.read_bytes(), None))
        known = [key for key in root.signed.keys.values() if key.keyval == signer.public_key.keyval]
        signer.public_key.keyid = known[0].keyid
        root.sign(signer, append=True)
    root.to_file(str(folder / f"{root.signed.version}.root.json"))

    snapshot.signed.version += 1
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta.version = snapshot.signed.version
    timestamp.signed.snapshot_meta.length = None
    timestamp.signed.snapshot_meta.hashes = None
    for role, metadata in (("snapshot", snapshot), ("timestamp", timestamp)):
        metadata.signatures.clear()
        metadata.sign(signers[role])
    snapshot.to_file(str(folder / f"{snapshot.signed.version}.snapshot.json"))
    timestamp.to_file(str(folder / "timestamp.json"))


main()
