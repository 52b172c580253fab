// What the page computes: comparing, calls per sample, percentiles. None of it needs a browser.

// A step of the clock may be so much of a sample.
const COARSEST = 0.02;
const MOST_CALLS = 1000;
const MOST_LOOKS = 1e7;

/** Returns the bytes of base64 text. */
export function decoded(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Returns at how many places two lists of bytes differ; where one is longer, the rest differs. */
export function differing(expected, found) {
  const places = Math.max(expected.length, found.length);
  let count = 0;
  for (let place = 0; place < places; place++) count += expected[place] === found[place] ? 0 : 1;
  return count;
}

/** Returns how many outputs are the same bit by bit, of how many, and how many values differ. */
export function compared(expected, found) {
  const counts = expected.map((output, number) => differing(output, found[number] ?? []));
  return {
    bit_equal: counts.filter((count) => count === 0).length,
    outputs: expected.length,
    differing_values: counts.reduce((sum, count) => sum + count, 0),
  };
}

/** Returns a percentile as NumPy does, by linear interpolation; `share` is from 0 to 1. */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** Returns the smallest step that a clock was seen to make, in its own unit. */
export function clockStep(now, steps = 20) {
  let smallest = Infinity;
  for (let step = 0; step < steps; step++) {
    const began = now();
    let later = now();
    for (let look = 0; later <= began; look++) {
      if (look > MOST_LOOKS) throw new Error("this browser's clock stands still");
      later = now();
    }
    smallest = Math.min(smallest, later - began);
  }
  return smallest;
}

/**
 * Returns how many calls are timed together. Browsers make their clocks coarse (a page on a plain local network gets
 * 0.1 ms or 1 ms), so one call alone can be shorter than a step.
 */
export function callsPerSample(microseconds, clockMicroseconds) {
  const least = clockMicroseconds / COARSEST;
  return Math.max(1, Math.min(MOST_CALLS, Math.ceil(least / Math.max(microseconds, 1e-3))));
}

/** Returns the repetitions that a page's address asks for, or the usual number. */
export function repetitions(query, usual) {
  const asked = Number(new URLSearchParams(query).get("repetitions"));
  return Number.isInteger(asked) && asked >= 1 && asked <= 100000 ? asked : usual;
}
