"""What python-tuf's client thinks of repositories, one after the other.

Reads a line a repository, {"root": hexadecimal, …, "x": …, "y": …}; answers a line each: found, absent, or refused and why.
"""

import json
import sys
import tempfile
from datetime import datetime, timezone

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
NAME = "a/b"


class Files(FetcherInterface):
    """The files of one repository, whatever versions they are asked for with."""

    def __init__(self, files):
        self.files = files

    def _fetch(self, url):
        role = url.rsplit("/", 1)[-1].removesuffix(".json")
        number, _, versioned = role.partition(".")
        role = versioned if number.isdigit() else role
        if role == "root":
            raise DownloadHTTPError("there is no other root", 404)
        return iter([self.files[role if role in self.files else "y"]])


def verdict(files, folder):
    try:
        updater = Updater(folder, "http://x/", fetcher=Files(files), bootstrap=files["root"])
        updater._trusted_set.reference_time = NOW
        return "found" if updater.get_targetinfo(NAME) else "absent"
    except Exception as error:  # whatever it says, it does not take it
        return f"refused {type(error).__name__}: {error}"[:300].replace("\n", " ")


def main():
    for line in sys.stdin:
        files = {role: bytes.fromhex(text) for role, text in json.loads(line).items()}
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            print(verdict(files, folder), flush=True)


main()
