// What a kernel's test is given, and how it says that two results differ.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "buffer.h"
#include "kernels/float_kernels.h"
#include "kernels/registry.h"
#include "random.h"

namespace casc::test {

/** One round of one kernel on one instruction set. The random numbers are the same on each. */
struct Round {
  Random random;
  Isa isa;
  const Kernels& kernels = kernelsOf(isa);
  const Kernels& scalar = kernelsOf(Isa::Scalar);
  bool same = true;

  void differ(const char* what, size_t i, double expected, double got) {
    std::printf("  %s[%zu] is %.9g, scalar has %.9g\n", what, i, got, expected);
    same = false;
  }

  void value(const char* what, double expected, double got) {
    if (expected != got) differ(what, 0, expected, got);
  }

  /** Bit for bit, the first `count` elements. */
  template <class T>
  void equal(const char* what, const Buffer<T>& expected, const Buffer<T>& got, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (std::memcmp(&expected[i], &got[i], sizeof(T)) == 0) continue;
      if constexpr (std::is_arithmetic_v<T>) {
        differ(what, i, static_cast<double>(expected[i]), static_cast<double>(got[i]));
      } else {
        std::printf("  %s[%zu] differs from scalar's\n", what, i);
        same = false;
      }
      break;
    }
    if (got.intact()) return;
    std::printf("  %s: written before its first element\n", what);
    same = false;
  }
  template <class T>
  void equal(const char* what, const Buffer<T>& expected, const Buffer<T>& got) {
    equal(what, expected, got, expected.size());
  }
};

/** Numbers from..to; every tenth buffer holds nothing but one of the two, or zeros. */
template <class T>
Buffer<T> integers(Random& random, size_t n, int64_t from, int64_t to) {
  Buffer<T> buffer(n);
  const bool extreme = random.chance(10);
  const int64_t only = random.chance(30) && from <= 0 ? 0 : random.chance(50) ? from : to;
  for (T& x : buffer) x = static_cast<T>(extreme ? only : random.between(from, to));
  return buffer;
}

inline Buffer<float> reals(Random& random, size_t n, float from, float to) {
  Buffer<float> buffer(n);
  for (float& x : buffer) x = random.real(from, to);
  return buffer;
}

/** Spikes −1, 0, 1 at a random rate, none and all among them; with `graded` any other value too. */
inline Buffer<int8_t> spikes(Random& random, size_t n, bool graded = false) {
  Buffer<int8_t> buffer(n);
  const auto percent = static_cast<unsigned>(random.chance(15)   ? 0
                                             : random.chance(10) ? 100
                                                                 : random.between(1, 60));
  for (int8_t& s : buffer) {
    s = static_cast<int8_t>(random.chance(percent) ? (random.chance(75) ? 1 : -1) : 0);
    if (graded && random.chance(10)) s = static_cast<int8_t>(random.between(-128, 127));
  }
  return buffer;
}

constexpr int64_t kLow32 = INT32_MIN, kHigh32 = INT32_MAX;
/** Membranes and sums of a plan that was checked. */
constexpr int64_t kSum = 1 << 24;

// One round each.
void windows(Round& round);
void rows(Round& round);
void codes(Round& round);
void train(Round& round);
void shortcut(Round& round);
void bytes(Round& round);
void levels(Round& round);
void pools(Round& round);
void neuron(Round& round);
void events(Round& round);
void scatter(Round& round);
void patch(Round& round);
void floats(Round& round);

}  // namespace casc::test
