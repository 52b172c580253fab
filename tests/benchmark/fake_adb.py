"""An adb for tests: it notes its arguments, says what it was told to, and runs shell lines in a real shell.

Its device is a folder: /data/local/tmp is `device/tmp`, its programs lie in `device/bin`. What is pushed as
benchmark_model is kept, and a script that plays a recorded output back takes its place.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_ADB"])
ROOT = "/data/local/tmp"


def main(arguments):
    told = json.loads((HOME / "told.json").read_text())
    with (HOME / "calls.jsonl").open("a") as file:
        file.write(json.dumps(arguments) + "\n")
    for pattern, what in told.get("at", {}).items():
        if re.search(pattern, " ".join(arguments)):
            time.sleep(what.get("sleep", 0))
            print(what.get("text", ""))
            return what.get("status", 0)
    if arguments[0] == "devices":
        print(told["devices"])
        return 0
    if arguments[0] == "version":
        print("Android Debug Bridge version 1.0.41\nVersion 29.0.6-debian\nInstalled as /usr/bin/adb")
        return 0
    flag, _serial, command, *rest = arguments
    assert flag == "-s", "every command names its device"
    return {"shell": shell, "push": push, "pull": pull}[command](told, *rest)


def shell(told, *arguments):
    # As the real one: its arguments, joined by spaces, are a line for the device's shell.
    line = " ".join(arguments).replace(ROOT, str(HOME / "device" / "tmp"))
    path = f"{HOME / 'device' / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-c", line], env={"PATH": path}, cwd=HOME / "device", capture_output=True, text=True, check=False
    )
    # Of the real one errors may come last, whenever they were written.
    print(done.stdout, end="", flush=True)
    print(done.stderr, end="", file=sys.stderr, flush=True)
    return done.returncode if told.get("passes_exit_codes", True) else 0


def push(told, local, remote):
    place = Path(remote.replace(ROOT, str(HOME / "device" / "tmp")))
    shutil.copyfile(local, place)
    if place.name == "benchmark_model":
        shutil.copyfile(local, HOME / "device" / "pushed")
        log, arguments = shlex.quote(str(HOME / "log")), shlex.quote(str(HOME / "arguments"))
        lines = [f'printf "%s\\n" "$@" > {arguments}', *told.get("before", []), f"cat {log}"]
        place.write_text("\n".join(["#!/bin/sh", *lines, f"exit {told.get('ends_with', 0)}"]) + "\n")
    print(f"{local}: 1 file pushed, 0 skipped. 881.7 MB/s (3000000 bytes in 0.003s)")
    return 0


def pull(told, remote, local):
    place = Path(remote.replace(ROOT, str(HOME / "device" / "tmp")))
    if not place.exists():
        print(f"adb: error: failed to stat remote object '{remote}': No such file or directory")
        return 1
    shutil.copyfile(place, local)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
