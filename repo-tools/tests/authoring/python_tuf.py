"""Fetches targets with python-tuf: ROOT URL FOLDER NAME..."""

import os
import sys

from tuf.ngclient import Updater

root, url, folder, *names = sys.argv[1:]
metadata, targets = os.path.join(folder, "metadata"), os.path.join(folder, "targets")
os.makedirs(metadata, exist_ok=True)
os.makedirs(targets, exist_ok=True)
with open(root, "rb") as file:
    bootstrap = file.read()
updater = Updater(metadata, url + "metadata/", targets, url + "targets/", bootstrap=bootstrap)
updater.refresh()
for name in names:
    info = updater.get_targetinfo(name)
    if info is None:
        sys.exit(f"there is no target {name}")
    updater.download_target(info)
