"""Picture files as one array of uint8, and back."""

import io
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfqnoise.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg")


def read(base: Path, paths: Sequence[str], size: int, skip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Decodes all pictures once, in threads; training reads the resulting array.

    Args:
        base: the folder under which they lie.
        paths: N paths under it.
        size: side in pixels to which they are resized.
        skip: whether unreadable ones are left out, which is printed, instead of refused.

    Returns:
        Pictures, uint8 [M, size, size, 3], and their places in `paths`, int64 [M].

    Raises:
        DataError: if one can't be read, or with `skip` none can.
    """
    # One array from the start: a list of pictures that is stacked later needs the memory twice.
    images = np.empty((len(paths), size, size, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        reasons = list(pool.map(lambda row: _decode(base / paths[row], images[row]), range(len(paths))))
    unreadable = [f"{path} ({reason})" for path, reason in zip(paths, reasons, strict=True) if reason]
    if not unreadable:
        return images, np.arange(len(paths))
    if not skip:
        shown = "\n    ".join(unreadable[:20])
        more = f"\n    … and {len(unreadable) - 20} more" if len(unreadable) > 20 else ""
        raise DataError(
            f"{len(unreadable)} of {len(paths)} pictures under {base} can't be read:\n    {shown}{more}",
            "PNG or JPEG pictures",
            "repair or remove them, or pass --skip-unreadable to leave them out",
        )
    for line in unreadable:
        print(f"left out: {line}")
    good = np.array([row for row, reason in enumerate(reasons) if not reason], np.int64)
    if not len(good):
        raise DataError(f"none of the {len(paths)} pictures can be read", "some that can", "check the files")
    return images[good], good


def png(image: np.ndarray, largest: int = 128) -> bytes:
    """Returns a picture as a PNG file.

    Args:
        image: uint8 [H, W, C]; three channels are colours, of others the first is grey.
        largest: side in pixels to which a larger one is reduced.
    """
    from PIL import Image

    picture = Image.fromarray(image if image.shape[-1] == 3 else np.ascontiguousarray(image[..., 0]))
    picture.thumbnail((largest, largest))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _decode(path: Path, into: np.ndarray) -> str:
    """Fills uint8 [size, size, 3], and returns nothing, or the reason why it can't."""
    from PIL import Image, ImageOps

    try:
        # By name: for some other formats Pillow starts programs.
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            # Phones store a picture as the sensor saw it and note how it was held.
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                # 16 bits a pixel: Pillow would cut off at 255 instead of scaling.
                upright = Image.fromarray((np.asarray(upright, np.uint32) // 257).astype(np.uint8))
            elif upright.mode in ("RGBA", "LA", "PA"):
                # What lies under transparent pixels was never meant to be seen.
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
            size = into.shape[:2]
            into[:] = upright.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
            return ""
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        reason = str(error) or type(error).__name__
        return "not a picture" if "cannot identify" in reason else reason
