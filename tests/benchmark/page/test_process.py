import subprocess
import time

from tfqnoise.benchmark.page.process import end


def test_a_program_that_has_ended_may_be_ended(tmp_path):
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    end(process)
    assert process.returncode == 0


def test_a_program_that_doesnt_listen_is_killed(monkeypatch):
    monkeypatch.setattr("tfqnoise.benchmark.page.process._GRACE_SECONDS", 0.3)
    command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    began = time.monotonic()
    end(process)
    assert process.poll() == -9
    assert time.monotonic() - began < 5
