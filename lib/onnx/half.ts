/** The two 16-bit float formats of ONNX. */

/** IEEE 754 binary16 to a number. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const bfloat = new DataView(new ArrayBuffer(4));

/** bfloat16 (the upper half of a float32) to a number. */
export function fromBfloat(bits: number): number {
  bfloat.setUint32(0, (bits & 0xffff) << 16);
  return bfloat.getFloat32(0);
}
