"""Damages every value of every role, signs it again, and asks python-tuf what it thinks of it.

usage: author.py FILE. A line a case: {"name": …, "files": {role: hexadecimal}, "accepted": …, "reason": …}
"""

import copy
import json
import sys
from datetime import datetime, timezone

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import TargetFile
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
ROLES = ("root", "timestamp", "snapshot", "targets", "a")
KEY = CryptoSigner.generate_ed25519()
OTHER = CryptoSigner.generate_ecdsa()
GONE = object()

DEEP = json.loads("[" * 150 + "]" * 150)
VALUES = {
    "removed": GONE, "null": None, "text": "x", "empty text": "", "list": [], "object": {}, "negative": -1, "zero": 0,
    "one": 1, "two": 2, "true": True, "63 bits": 2**63 - 1, "64 bits": 2**64 - 1, "65 bits": 2**64, "deep": DEEP,
    "list of numbers": [1], "list of lists": [[]], "object of numbers": {"x": 1}, "long text": "x" * 20000, "a fraction": 1.5,
    "strange text": "\u0000\u007f\u2028\ufeff", "time": "2030-01-01T00:00:00Z", "past": "2020-01-01T00:00:00Z",
    "other time": "2030-01-01T01:00:00.5+01:00",
}


def good():
    keyid = KEY.public_key.keyid
    keys = copy.deepcopy({key.public_key.keyid: key.public_key.to_dict() for key in (KEY, OTHER)})
    role = {"keyids": [keyid], "threshold": 1}

    def common(kind, version=1):
        return {"_type": kind, "spec_version": "1.0.31", "version": version, "expires": "2030-01-01T00:00:00Z"}

    def target(name):
        return {name: {**TargetFile.from_data(name, b"contents", ["sha256", "sha512"]).to_dict(), "custom": {"x": 1}}}

    delegation = {"name": "a", "keyids": [keyid], "threshold": 1, "terminating": False, "paths": ["a/*"]}
    return {
        "root": {**common("root", 2), "consistent_snapshot": True, "keys": keys,
                 "roles": {name: copy.deepcopy(role) for name in ("root", "timestamp", "snapshot", "targets")}},
        "timestamp": {**common("timestamp"), "meta": {"snapshot.json": {"version": 1}}},
        "snapshot": {**common("snapshot"), "meta": {"targets.json": {"version": 1}, "a.json": {"version": 1}}},
        "targets": {**common("targets"), "targets": target("top"),
                    "delegations": {"keys": copy.deepcopy(keys), "roles": [delegation]}},
        "a": {**common("targets"), "targets": target("a/file")},
    }


def signature(signed):
    data = encode_canonical(signed).encode()
    return {"keyid": KEY.public_key.keyid, "sig": KEY.sign(data).signature}


def envelope(signed):
    return {"signatures": [signature(signed)], "signed": signed}


def places(value, path=()):
    """Every value in `value`, by the way to it."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield (*path, name)
        yield from places(child, (*path, name))


def put(value, path, new):
    for name in path[:-1]:
        value = value[name]
    if new is GONE:
        del value[path[-1]]
    else:
        value[path[-1]] = copy.deepcopy(new)


def verdict(files):
    try:
        first = json.dumps(envelope({**good()["root"], "version": 1})).encode()
        trusted = TrustedMetadataSet(first, EnvelopeType.METADATA)
        trusted.reference_time = NOW
        trusted.update_root(files["root"])
        trusted.update_timestamp(files["timestamp"])
        trusted.update_snapshot(files["snapshot"])
        trusted.update_targets(files["targets"])
        roles = trusted.targets.delegations.get_roles_for_target("a/file") if trusted.targets.delegations else ()
        if "a" not in [name for name, _ in roles]:
            return False, "nobody is asked"
        found = trusted.update_delegated_targets(files["a"], "a", "targets").targets["a/file"]
        found.verify_length_and_hashes(b"contents")
        return True, ""
    except Exception as error:  # whatever it says, it does not take it
        return False, f"{type(error).__name__}: {error}"[:200]


def main():
    bytes_of = {role: json.dumps(envelope(signed)).encode() for role, signed in good().items()}
    out = open(sys.argv[1], "w")

    def case(name, role=None, data=None):
        files = {**bytes_of, **({role: data} if role else {})}
        accepted, reason = verdict(files)
        hexed = {name: files[name].hex() for name in files}
        hexed["first"] = json.dumps(envelope({**good()["root"], "version": 1})).encode().hex()
        out.write(json.dumps({"name": name, "files": hexed, "accepted": accepted, "reason": reason}) + "\n")

    case("undamaged")
    for role in ROLES:
        for path in places(good()[role]):
            shown = f"{role} /{'/'.join(map(str, path))}"
            for what, new in VALUES.items():
                signed = good()[role]
                put(signed, path, new)
                try:
                    damaged = envelope(signed)
                except Exception:  # no canonical form: signed as if it were the undamaged one
                    damaged = {"signatures": [signature(good()[role])], "signed": signed}
                case(f"{shown} {what}", role, json.dumps(damaged).encode())
            text = json.dumps(envelope(good()[role]))
            member = json.dumps(str(path[-1])) + ": "
            if member in text and not isinstance(path[-1], int):
                case(f"{shown} doubled", role, text.replace(member, member + "1, " + member, 1).encode())
                case(f"{shown} not UTF-8", role, text.replace(member, member[:-3] + "?" + member[-3:], 1).encode().replace(b"?", b"\xff"))
        whole = envelope(good()[role])
        for path in (("signatures",), ("signed",), ("signatures", 0), ("signatures", 0, "keyid"), ("signatures", 0, "sig")):
            for what, new in VALUES.items():
                damaged = copy.deepcopy(whole)
                put(damaged, path, new)
                case(f"{role} envelope /{'/'.join(map(str, path))} {what}", role, json.dumps(damaged).encode())
        text = json.dumps(whole).encode()
        for end in range(0, len(text), 97):
            case(f"{role} cut at {end}", role, text[:end])


main()
