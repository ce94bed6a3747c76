/** Sums of a layer stay below this, so that float32 holds them exactly. */
export const LIMIT = 2 ** 24;

/** Largest integer of a weight; float32 rounds none. */
export const LARGEST = { float32: 127, int8: 127, int16: 32767 } as const;
