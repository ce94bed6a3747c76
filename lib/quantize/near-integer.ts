/** Integers that went through float32 come back with a relative error of about 1e-7. */
export function isNearInteger(value: number): boolean {
  return Math.abs(value - Math.round(value)) <= 1e-6 * Math.max(1, Math.abs(value));
}
