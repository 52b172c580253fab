import shutil
import subprocess

import pytest

from tfqnoise.export.c_array import header

PROGRAM = """#include <stdio.h>
#include "model.h"
int main(void) {
    printf("%u %d %d %d\\n", tfqnoise_model_length, TFQNOISE_LABELS, TFQNOISE_ARENA_BYTES,
           (int)((unsigned long)(const void *)tfqnoise_model % 16));
    for (int i = 0; i < TFQNOISE_LABELS; ++i) printf("%s\\n", tfqnoise_labels[i]);
    fwrite(tfqnoise_model, 1, tfqnoise_model_length, stderr);
    return 0;
}
"""


@pytest.mark.parametrize(("compiler", "standard", "suffix"), [("gcc", "-std=c11", "c"), ("g++", "-std=c++11", "cc")])
def test_the_array_compiles_and_holds_the_same_bytes(tmp_path, compiler, standard, suffix):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    content = bytes(range(256)) * 3 + b"end"
    labels = ('a "quoted" name', "Zürich", "what??/", "back\\slash", "bell\x071", "tab\t\x7f")
    (tmp_path / "model.h").write_text(header(content, labels, "raw pixels", 320), encoding="utf-8")
    (tmp_path / f"main.{suffix}").write_text(PROGRAM)
    command = [compiler, standard, "-Wall", "-Wextra", "-Werror", "-trigraphs", f"main.{suffix}", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    assert done.stderr == content
    assert done.stdout.decode().splitlines() == [f"{len(content)} 6 320 0", *labels]
