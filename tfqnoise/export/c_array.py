"""A model as a C header, for firmware that has no file system."""

_COLUMNS = 16


def header(content: bytes, labels: tuple[str, ...], meaning: str, arena: int) -> str:
    """Returns a header that C11 and C++11 take.

    Args:
        content: the model.
        labels: names of the outputs, in their order.
        meaning: of the input, in words.
        arena: bytes of working memory, see `tfqnoise.export.arena`.
    """
    rows = [content[start : start + _COLUMNS] for start in range(0, len(content), _COLUMNS)]
    data = "\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in row) + "," for row in rows)
    names = ", ".join(_quoted(label) for label in labels)
    return f"""/* A TensorFlow Lite model, written by tfqnoise. Input: {meaning}. */
#ifndef TFQNOISE_MODEL_H
#define TFQNOISE_MODEL_H

#ifdef __cplusplus
#define TFQNOISE_ALIGNED alignas(16)
#else
#define TFQNOISE_ALIGNED _Alignas(16)
#endif

/* The largest activations that are alive at once; the interpreter's own structures come on top. */
#define TFQNOISE_ARENA_BYTES {arena}
#define TFQNOISE_LABELS {len(labels)}

static const char *const tfqnoise_labels[TFQNOISE_LABELS] = {{{names}}};

static const unsigned int tfqnoise_model_length = {len(content)};
TFQNOISE_ALIGNED static const unsigned char tfqnoise_model[{len(content)}] = {{
{data}
}};

#endif
"""


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    # An escaped "?" begins no trigraph; an octal escape of three digits doesn't swallow a digit behind it.
    if character in '"\\?':
        return "\\" + character
    return f"\\{ord(character):03o}" if ord(character) < 32 or ord(character) == 127 else character
