import os
import time
from pathlib import Path

import pytest

from tfqnoise.benchmark.page import chromium


def _stand_in(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def _running(pid):
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_it_is_found_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find() is None
    google = _stand_in(tmp_path, "google-chrome", "")
    assert chromium.find() == google
    assert chromium.find() != _stand_in(tmp_path, "chromium", "")
    assert Path(chromium.find()).name == "chromium"


def test_it_gets_a_profile_of_its_own_and_no_outside_host(tmp_path):
    script = _stand_in(tmp_path, "chromium", f'for each; do echo "$each"; done > {tmp_path}/said')
    with chromium.opened(script, "http://127.0.0.1:1/?a b") as browser:
        while browser.exit_code is None:
            time.sleep(0.01)
    said = (tmp_path / "said").read_text().splitlines()
    assert said[-1] == "http://127.0.0.1:1/?a b"
    assert said[0] == "--headless=new"
    assert "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" in said
    assert ("--no-sandbox" in said) == (os.geteuid() == 0)
    profile = next(word for word in said if word.startswith("--user-data-dir=")).partition("=")[2]
    assert not Path(profile).parent.exists()


@pytest.mark.parametrize("leave", [None, KeyboardInterrupt])
def test_it_is_ended_with_its_children(tmp_path, leave):
    script = _stand_in(tmp_path, "chromium", f"sleep 60 &\necho $$ $! > {tmp_path}/pids\nwait")

    def use():
        with chromium.opened(script, "about:blank") as browser:
            while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text().strip():
                time.sleep(0.01)
            assert browser.exit_code is None
            if leave:
                raise leave

    if leave:
        with pytest.raises(leave):
            use()
    else:
        use()
    deadline = time.monotonic() + 5
    while any(_running(pid) for pid in (tmp_path / "pids").read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_its_last_words_are_kept(tmp_path):
    script = _stand_in(tmp_path, "chromium", "echo one; echo two; echo three >&2; echo four; exit 3")
    with chromium.opened(script, "about:blank") as browser:
        while browser.exit_code is None:
            time.sleep(0.01)
        assert browser.exit_code == 3
        assert browser.last_words() == "two; three; four"
