/** How far a share of so many images may be from the share of all there could be. */

/** Lower and upper end. */
export type Interval = [number, number];

/** Of the standard normal distribution: 95 % lie within ±z. */
const Z = 1.959963984540054;

/**
 * The 95 % score interval of a share (E. B. Wilson, Probable inference, the law of succession, and statistical inference,
 * JASA 1927), `right` of `images`, of at least one image.
 *
 * @example
 * wilson(318, 500); // [0.593, 0.677]
 */
export function wilson(right: number, images: number): Interval {
  const share = right / images;
  const weight = 1 + Z ** 2 / images;
  const centre = (share + Z ** 2 / (2 * images)) / weight;
  const half = (Z / weight) * Math.sqrt((share * (1 - share)) / images + Z ** 2 / (4 * images ** 2));
  // Of none or all, the end is 0 or 1; rounding would miss it.
  return [right === 0 ? 0 : centre - half, right === images ? 1 : centre + half];
}
