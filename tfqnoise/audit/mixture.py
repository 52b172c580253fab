"""Where two groups of values part, and a score that says on which side a value lies and how far."""

import numpy as np


def crossing(values: np.ndarray, seed: int = 0) -> float:
    """Returns the value from which on the upper of two Gaussians is the more probable one.

    The crossing between the two means counts. Beyond them the wider Gaussian wins once more, which would call the
    most extreme values of a group the other group's.

    Args:
        values: float [N], in any order.
        seed: of the mixture's first guess.

    Returns:
        The value; infinity where the values don't differ.
    """
    from sklearn.mixture import GaussianMixture

    span = np.ptp(values) if len(values) > 1 else 0.0
    if not span > 1e-6:
        return float("inf")
    lowest = float(values.min())
    # Sorted, so that the first guess doesn't depend on the order of the examples.
    scaled = np.sort((values.astype(np.float64) - lowest) / span)[:, None]
    mixture = GaussianMixture(2, max_iter=100, tol=1e-3, reg_covar=5e-4, random_state=seed).fit(scaled)
    upper = int(np.argmax(mixture.means_))
    between = np.linspace(mixture.means_.min(), mixture.means_.max(), 1001)
    won = mixture.predict_proba(between[:, None])[:, upper] >= 0.5
    place = between[int(np.argmax(won))] if won.any() else between[-1]
    return lowest + float(place * span)


def position(values: np.ndarray, threshold: float) -> np.ndarray:
    """Returns values as scores: the smallest is 0, the threshold 1/2, the largest 1, and linear between.

    Args:
        values: float [N].
        threshold: may lie outside of them; then one half of the scores isn't used.

    Returns:
        float64 [N] in [0, 1], in the order of the values.
    """
    values = values.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not threshold < high:
        span = (threshold if np.isfinite(threshold) else high) - low
        return 0.5 * (values - low) / (span or 1.0)
    below = 0.5 * (values - low) / max(threshold - low, 1e-300)
    above = 0.5 + 0.5 * (values - threshold) / (high - threshold)
    return np.where(values > threshold, above, np.clip(below, 0.0, 0.5))
