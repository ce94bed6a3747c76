// The spikes of 64 neurons in one step as two bit masks, and their part in the hash of a spike
// train (engine/spiking/spike_hash.h).
#pragma once

#include <cstdint>

namespace casc {

/** High and low half of a 128-bit product, folded. */
inline uint64_t foldedProduct(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
#else
  const uint64_t low = uint64_t{uint32_t(a)} * uint32_t(b), high = (a >> 32) * (b >> 32);
  const uint64_t left = (a >> 32) * uint32_t(b), right = uint64_t{uint32_t(a)} * (b >> 32);
  const uint64_t middle = (low >> 32) + uint32_t(left) + uint32_t(right);
  return (high + (left >> 32) + (right >> 32) + (middle >> 32)) ^ (middle << 32 | uint32_t(low));
#endif
}

/** Key of a step (see stepHash), index of the 64 neurons, where s > 0 and where s < 0. */
inline uint64_t spikeWordHash(uint64_t key, uint64_t word, uint64_t plus, uint64_t minus) {
  const uint64_t other = key << 32 | key >> 32;
  return foldedProduct((key + word * 0x9e3779b97f4a7c15u) ^ plus,
                       (other + word * 0xc2b2ae3d27d4eb4fu) ^ minus);
}

}  // namespace casc
