import pytest

from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export import edgetpu_compiler
from tfqnoise.export.edgetpu_words import LIMITATION, MAPPED, UNSUPPORTED

# In the form of the compiler's own logs, as users publish them.
LOG = f"""Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 147 ms.

Input model: model.tflite
Input size: 94.61KiB
Output model: model_edgetpu.tflite
Output size: 168.74KiB
On-chip memory used for caching model parameters: 82.25KiB
On-chip memory remaining for caching model parameters: 7.61MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 14
Operation log: model_edgetpu.log

Operator                       Count      Status

ADD                            3          Mapped to Edge TPU
CONV_2D                        8          Mapped to Edge TPU
CONV_2D                        1          {LIMITATION}
FULLY_CONNECTED                1          Mapped to Edge TPU
MEAN                           1          Operation not supported
Compilation child process completed within timeout period.
Compilation succeeded!
"""


def _compiler(path, text, code=0, *, makes=True):
    program = path / "edgetpu_compiler"
    (path / "log.txt").write_text(text)
    made = 'cp "$4" "$3/model_edgetpu.tflite"' if makes else "true"
    program.write_text(f'#!/bin/sh\ncat "{path}/log.txt"\n{made}\nexit {code}\n')
    program.chmod(0o755)


def test_the_log_is_read():
    log = edgetpu_compiler.parse(LOG)
    assert log.version == "16.0.384591198"
    assert log.counts["CONV_2D", MAPPED] == 8
    assert log.counts["CONV_2D", LIMITATION] == 1
    assert log.counts["MEAN", UNSUPPORTED] == 1
    assert log.mapped == 12
    assert log.bytes["On-chip memory used for caching model parameters"] == 84_224
    assert log.bytes["Off-chip memory used for streaming uncached model parameters"] == 0


def test_truth_stands_beside_the_check(trained, tmp_path, capsys):
    _compiler(tmp_path, LOG)
    model = str(trained.path / "export" / "model.tflite")
    assert run_command("check", [model, "--target", "edgetpu", "--compiler", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "CONV_2D                             8      9  Mapped to Edge TPU" in out
    assert "on the Edge TPU: 12 by the compiler, 14 by the check" in out


def test_the_compiled_model_is_handed_back(tmp_path):
    _compiler(tmp_path, LOG)
    content, log = edgetpu_compiler.compiled(b"a model", tmp_path)
    assert (content, log.mapped) == (b"a model", 12)


@pytest.mark.parametrize(
    ("text", "code", "makes", "message"),
    [
        ("Internal compiler error. Aborting!\n", 1, False, "ended with: Internal compiler error"),
        ("", 0, False, "no output"),
        (LOG, 1, False, "ended with code 1 and no model"),
        (LOG, 0, False, "ended with code 0 and no model"),
    ],
)
def test_a_compiler_that_fails_is_said(tmp_path, text, code, makes, message):
    _compiler(tmp_path, text, code, makes=makes)
    with pytest.raises(ExportError, match=message):
        edgetpu_compiler.compiled(b"a model", tmp_path)


def test_without_a_compiler_it_says_how_to_get_one(trained, tmp_path, capsys):
    with pytest.raises(UsageError, match="no edgetpu_compiler in"):
        edgetpu_compiler.compiled(b"", tmp_path)
    model = str(trained.path / "export" / "model.tflite")
    assert run_command("check", [model, "--target", "android", "--compiler", str(tmp_path)]) == 2
    assert "leave --compiler out" in capsys.readouterr().err
