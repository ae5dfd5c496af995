"""Delegated roles: order, scopes, names, bins, expiry."""

import hashlib
from urllib.parse import quote

from author import BELOW, NOW, after

# Delegations as (delegator, role, options), and the roles that a search for a missing name visits.
GRAPHS = {
    "one": ([("targets", "A", {})], "A"),
    "two": ([("targets", "A", {}), ("targets", "B", {})], "AB"),
    "two levels": ([("targets", "A", {}), ("targets", "B", {}), ("B", "C", {})], "ABC"),
    "depth first": ([("targets", "A", {}), ("targets", "B", {}), ("A", "C", {}), ("A", "D", {})], "ACDB"),
    "depth first, three levels": (
        [("targets", "A", {}), ("targets", "B", {}), ("A", "C", {}), ("C", "D", {})], "ACDB"),
    "terminating": (
        [("targets", "A", {}), ("targets", "B", {}), ("A", "C", {"terminating": True}), ("A", "D", {})], "AC"),
    "terminating with descendants": (
        [("targets", "A", {}), ("targets", "B", {}), ("A", "C", {"terminating": True}), ("C", "D", {})], "ACD"),
    "terminating that does not match": (
        [("targets", "A", {"terminating": True, "paths": ["x"]}), ("targets", "B", {})], "B"),
    "other paths": ([("targets", "A", {"paths": ["*.py"]}), ("targets", "B", {}), ("A", "C", {})], "B"),
    "other paths below": (
        [("targets", "A", {}), ("targets", "B", {}), ("A", "C", {"paths": ["*.py"]}), ("C", "D", {})], "AB"),
    "circle": (
        [("targets", "A", {}), ("targets", "B", {}), ("B", "C", {}), ("C", "D", {}), ("D", "B", {})], "ABCD"),
    "two ways to a third": ([("targets", "A", {}), ("targets", "B", {}), ("B", "C", {}), ("A", "C", {})], "ACB"),
    "two ways, one of other paths": (
        [("targets", "A", {}), ("targets", "B", {}), ("B", "C", {}), ("A", "C", {"paths": ["*.py"]})], "ABC"),
}


def requests(repo, roles):
    return [f"{repo.signed(role).version}.{quote(role, '')}.json" for role in roles]


def graphs(new):
    for name, (delegations, visited) in GRAPHS.items():
        s = new(f"graph: {name}")
        for delegator, role, options in delegations:
            s.repo.delegate(delegator, role, **options)
        s.repo.publish(*sorted({role for _, role, _ in delegations}), *BELOW)
        s.download("missing", False, delegated=requests(s.repo, visited), targets=[])


def found(new):
    cases = {
        "top": ("targets", True, ""),
        "README.md": ("A", True, "A"),
        "releases/x/x_v1": ("C", True, "BC"),
        "releases/y/y_v1.zip": ("D", True, "BD"),
        "releases/z/z_v1.zip": ("D", False, "B"),
        "releases/x/deep/x_v1": ("C", False, ""),
    }
    for name, (role, there, visited) in cases.items():
        s = new(f"search: {name}")
        s.repo.delegate("targets", "A", ["*.doc", "*.md"])
        s.repo.delegate("targets", "B", ["releases/*/*"])
        s.repo.delegate("B", "C", ["releases/x/*"])
        s.repo.delegate("B", "D", ["releases/y/*.zip"])
        s.repo.add_target(role, name, b"contents")
        s.repo.publish("D", "C", "B", "A", *BELOW)
        targets = ["contents"] if there else []
        s.download(name, there, delegated=requests(s.repo, visited), targets=targets)
        s.download(name, there, delegated=[], targets=targets)


def names(new):
    for role in ("?", "#", "/delegated", "../delegated", "a b", "ü", "%2F", "1.targets", "a&b=c;d"):
        s = new(f"role name {role}")
        s.repo.delegate("targets", role)
        s.repo.publish(role, *BELOW)
        s.download("missing", False, delegated=requests(s.repo, [role]), stored=5)
    for role in ("root", "timestamp", "snapshot", "targets"):
        s = new(f"role name {role} is taken")
        s.repo.delegate("targets", "stand-in")
        s.repo.publish("stand-in", *BELOW)
        s.repo.edit("targets", lambda md: md["signed"]["delegations"]["roles"][0].update(name=role))
        s.download("missing", False, delegated=[])


def bins(new):
    digest = hashlib.sha256(b"some/file").hexdigest()
    s = new("hash bins")
    for number in range(16):
        s.repo.delegate("targets", f"bin{number:x}", prefixes=[f"{number:x}"])
    wanted = f"bin{digest[0]}"
    s.repo.add_target(wanted, "some/file", b"contents")
    s.repo.publish(*(f"bin{number:x}" for number in range(16)), *BELOW)
    s.download("some/file", True, delegated=requests(s.repo, [wanted]), targets=["contents"])
    for bits in (1, 4, 5, 8):
        s = new(f"succinct bins of {bits} bits")
        roles = s.repo.delegate_bins(bits, "bin")
        wanted, found = roles.get_role_for_target("some/file"), s.repo
        s.repo.add_target(wanted, "some/file", b"contents")
        s.repo.publish(*roles.get_roles(), *BELOW)
        s.download("some/file", True, delegated=requests(s.repo, [wanted]), targets=["contents"])
        for missing in ("other/file", "third"):
            s = new(f"{missing} is in none of succinct bins of {bits} bits", found)
            wanted = roles.get_role_for_target(missing)
            s.download(missing, False, delegated=requests(s.repo, [wanted]), targets=[], stored=5)


def expired(new):
    def delegated(name, expires):
        s = new(name)
        s.repo.delegate("targets", "a", ["x/*"], expires=expires)
        s.repo.add_target("a", "x/1", b"first")
        s.repo.add_target("a", "x/2", b"second")
        s.repo.publish("a", *BELOW)
        return s

    s = delegated("delegated role expired when it is first seen", after(-1))
    s.refresh(True)
    s.download("x/1", False, targets=[], stored=4)
    s = delegated("delegated role expires and is not renewed", after(7))
    s.download("x/1", True, targets=["first"], time=NOW)
    s.download("x/2", False, targets=["first"], time=after(18))
    s = delegated("delegated role expires and is renewed", after(7))
    s.download("x/1", True, targets=["first"], time=NOW)
    s.repo.signed("a").expires = after(21)
    s.repo.publish("a", "snapshot", "timestamp")
    s.download("x/2", True, targets=["first", "second"], time=after(18))
    for role, change in (("threshold", "sign"), ("hidden", "hide")):
        s = new(f"a delegated role that is {'unsigned' if change == 'sign' else 'not there'} ends the search")
        s.repo.delegate("targets", "a")
        s.repo.delegate("targets", "b")
        s.repo.add_target("b", "file", b"contents")
        if change == "sign":
            s.repo.signers["a"] = {}
        s.repo.publish("a", "b", *BELOW)
        if change == "hide":
            del s.repo.files[s.repo.file("a")]
        s.download("file", False, delegated=requests(s.repo, "a"), targets=[], stored=4)
