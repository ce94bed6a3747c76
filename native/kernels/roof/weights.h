// What the roofs' loops read, and how their work is kept from being optimised away.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/target.h"

namespace casc {

/** Well within a first-level cache. */
constexpr size_t kRoofBytes = 9 * 64 * 24;
constexpr size_t kRoofPasses = 64;

struct RoofWeights {
  alignas(64) int8_t bytes[kRoofBytes]{};
  constexpr RoofWeights() {
    for (size_t i = 0; i < kRoofBytes; ++i) bytes[i] = static_cast<int8_t>(int(i % 7) - 3);
  }
};
inline constexpr RoofWeights kRoofWeights;

/** The compiler must not know what is there, and must have written all results before. */
template <class T>
CASC_INLINE T* unknown(T* values) {
#if defined(__GNUC__)
  asm volatile("" : "+r"(values) : : "memory");
  return values;
#else
  T* volatile hidden = values;
  return hidden;
#endif
}

}  // namespace casc
