// Random numbers that are the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc::test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  /** splitmix64 */
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /** from..to, both included. */
  int64_t between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(next() % (static_cast<uint64_t>(to - from) + 1));
  }
  size_t size(size_t from, size_t to) {
    return static_cast<size_t>(between(static_cast<int64_t>(from), static_cast<int64_t>(to)));
  }
  bool chance(unsigned percent) { return next() % 100 < percent; }
  float real(float from, float to) {
    return from + (to - from) * static_cast<float>(next() >> 40) / static_cast<float>(1 << 24);
  }

 private:
  uint64_t state_;
};

}  // namespace casc::test
