// A fingerprint of a whole spike train that does not depend on the order in which spikes are found:
// the sum mod 2^64 of a mix of each. Two runs with one hash fired the same spikes at the same
// times.
//
//   mix(z):   z ^= z >> 30; z *= 0xbf58476d1ce4e5b9; z ^= z >> 27; z *= 0x94d049bb133111eb;
//             z ^= z >> 31                                          (the finaliser of splitmix64)
//   step:     mix(mix(ordinal + 1) ^ (awake << 32 | sleep))
//   spike:    mix(step ^ (neuron << 8 | s & 255))
//
// ordinal counts neuron layers from 0, neuron is an index in C×H×W order, awake the awake steps so
// far, sleep the sleep step within its phase from 1, or 0 for a spike of an awake step.
#pragma once

#include <cstdint>

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

inline uint64_t spikeHash(uint64_t step, uint64_t neuron, int32_t spike) {
  return mix64(step ^ (neuron << 8 | (uint32_t(spike) & 255u)));
}

}  // namespace casc::spiking
