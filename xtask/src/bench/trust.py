"""The other side of `cargo xtask bench trust`: authors repositories, serves them and is python-tuf's client.

usage: trust.py author FOLDER
       trust.py serve FOLDER
       trust.py client METADATA-URL TARGETS-URL STORE DOWNLOADS [TARGET…]
"""

import functools
import hashlib
import http.server
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)

COUNTS = (1, 1_000, 10_000, 100_000)
BINS = 64


def write(folder, name, md, key):
    md.sign(key)
    data = md.to_bytes()
    (folder / name).write_bytes(data)
    return data


def author(folder, targets, bins=()):
    """One repository: the targets metadata, and those of its bins by name."""
    key = CryptoSigner.generate_ed25519()
    expires = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=365)
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    root = Root(expires=expires, consistent_snapshot=True)
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(key.public_key, role)
    snapshot = Snapshot(expires=expires)
    if bins:
        targets.delegations.succinct_roles.keyids.append(key.public_key.keyid)
        targets.delegations.keys[key.public_key.keyid] = key.public_key
    for name, role in {"targets": targets, **dict(bins)}.items():
        role.expires = expires
        write(metadata, f"1.{name}.json", Metadata(role), key)
        snapshot.meta[f"{name}.json"] = MetaFile(1)
    data = write(metadata, "1.snapshot.json", Metadata(snapshot), key)
    entry = MetaFile(1, len(data), {"sha256": hashlib.sha256(data).hexdigest()})
    write(metadata, "timestamp.json", Metadata(Timestamp(expires=expires, snapshot_meta=entry)), key)
    write(metadata, "1.root.json", Metadata(root), key)


def target(name):
    data = name.encode()
    return TargetFile.from_data(name, data, ["sha256"]), data


def author_all(folder):
    for count in COUNTS:
        made = {name: target(name)[0] for name in (f"package-{number:06}.img" for number in range(count))}
        author(folder / str(count), Targets(targets=made))
    roles = SuccinctRoles([], 1, BINS.bit_length() - 1, "bin")
    bins = {name: Targets() for name in roles.get_roles()}
    files = folder / "bins/targets"
    files.mkdir(parents=True)
    wanted = {}
    for number in range(10_000):
        file, data = target(f"package-{number:06}.img")
        role = roles.get_role_for_target(file.path)
        bins[role].targets[file.path] = file
        if wanted.setdefault(role, file.path) == file.path:
            (files / f"{file.hashes['sha256']}.{file.path}").write_bytes(data)
    author(folder / "bins", Targets(delegations=Delegations({}, None, roles)), bins.items())
    (folder / "wanted").write_text("\n".join(wanted.values()))


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files over kept connections, each at once: else a client that keeps them waits 40 ms for every answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True


def serve(folder):
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def client(metadata, targets, store, downloads, names):
    from tuf.ngclient import Updater, UpdaterConfig

    config = UpdaterConfig(targets_max_length=64 << 20, snapshot_max_length=16 << 20)
    Path(downloads).mkdir(exist_ok=True)
    root = (Path(store) / "root.json").read_bytes()
    updater = Updater(store, metadata, downloads, targets, config=config, bootstrap=root)
    updater.refresh()
    for name in names:
        updater.download_target(updater.get_targetinfo(name))


if sys.argv[1] == "author":
    author_all(Path(sys.argv[2]))
elif sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    client(*sys.argv[2:6], sys.argv[6:])
