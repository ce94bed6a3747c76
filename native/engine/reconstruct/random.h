// Numbers that look random and are the same everywhere: splitmix64.
#pragma once

#include <cstdint>

namespace casc::reconstruct {

inline uint64_t nextRandom(uint64_t& state) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace casc::reconstruct
