import numpy as np

from tfqnoise.augmentation.standard import Standard
from tfqnoise.hashing import keys_of, uniform


def test_every_picture_is_a_shifted_and_perhaps_mirrored_one():
    random = np.random.default_rng(0)
    images = random.integers(1, 256, (300, 8, 8, 2), np.uint8)
    keys = keys_of(map(str, range(300)))
    pad = 2
    out = Standard(pad=pad, flip=True)(images, keys, 9, 4).numpy()
    mirrored = uniform(keys, 9, 4, 203) < 0.5
    seen = set()
    for n in range(300):
        source = images[n, :, ::-1] if mirrored[n] else images[n]
        padded = np.pad(source, [(pad, pad), (pad, pad), (0, 0)])
        found = [
            (dy, dx)
            for dy in range(2 * pad + 1)
            for dx in range(2 * pad + 1)
            if (padded[dy : dy + 8, dx : dx + 8] == out[n]).all()
        ]
        # Mirroring the crop or cropping the mirror: the same set of pictures, with the shift reversed.
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == (2 * pad + 1) ** 2
    assert 0.4 < mirrored.mean() < 0.6


def test_without_flip_nothing_is_mirrored():
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(50, axis=0)
    out = Standard(pad=0, flip=False)(images, keys_of(map(str, range(50))), 0, 0).numpy()
    np.testing.assert_array_equal(out, images)
