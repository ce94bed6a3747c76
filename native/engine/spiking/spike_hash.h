// A fingerprint of a whole spike train that does not depend on the order in which spikes are found:
// a sum mod 2^64. Two runs with one hash fired the same spikes at the same times.
//
//   mix(z):   z ^= z >> 30; z *= 0xbf58476d1ce4e5b9; z ^= z >> 27; z *= 0x94d049bb133111eb;
//             z ^= z >> 31                                          (the finaliser of splitmix64)
//   step:     mix(mix(ordinal + 1) ^ (awake << 32 | sleep))
//   word:     64 neurons that follow each other in a row of the layer, [w][c]; word y·⌈w·c/64⌉ + i
//   of
//             row y. With bit j of p (m) set where neuron j of the word has s > 0 (s < 0), and p or
//             m not zero: high ^ low of the 128-bit product of
//               (step + word·0x9e3779b97f4a7c15) ^ p and
//               (step rotated by 32 bits + word·0xc2b2ae3d27d4eb4f) ^ m
//   burst:    where |s| > 1, also mix(step ^ (position << 8 | s & 255)), position in [h][w][c]
//
// ordinal counts neuron layers from 0, awake the awake steps so far, sleep the sleep step within
// its phase from 1, or 0 for a spike of an awake step.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/train/spike_word.h"

namespace casc::spiking {

inline uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

inline uint64_t stepHash(uint32_t ordinal, int32_t awake, int32_t sleep) {
  const uint64_t time = uint64_t(uint32_t(awake)) << 32 | uint32_t(sleep);
  return mix64(mix64(uint64_t{ordinal} + 1) ^ time);
}

inline uint64_t burstHash(uint64_t step, uint64_t position, int32_t spike) {
  return mix64(step ^ (position << 8 | (uint32_t(spike) & 255u)));
}

/** Of the spikes of a row, without bursts. `word` is the row's first. */
inline uint64_t rowHash(uint64_t step, uint64_t word, const int8_t* spikes, size_t length) {
  uint64_t hash = 0;
  for (size_t begin = 0; begin < length; begin += 64, ++word) {
    uint64_t plus = 0, minus = 0;
    const size_t count = length - begin < 64 ? length - begin : 64;
    for (size_t j = 0; j < count; ++j) {
      plus |= uint64_t{spikes[begin + j] > 0} << j;
      minus |= uint64_t{spikes[begin + j] < 0} << j;
    }
    if (plus | minus) hash += spikeWordHash(step, word, plus, minus);
  }
  return hash;
}

/** Words of a row of so many neurons. */
inline uint64_t wordsOf(size_t length) { return (length + 63) / 64; }

}  // namespace casc::spiking
