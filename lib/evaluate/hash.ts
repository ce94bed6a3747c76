/** An image's hash and its place, as one 64-bit number; sums of these do not depend on batches. (splitmix64) */
export function mix(hash: bigint, place: number): bigint {
  let z = BigInt.asUintN(64, hash + 0x9e3779b97f4a7c15n * BigInt(place + 1));
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
