// Plain loops over bytes and sums, compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

struct ByteKernels {
  /** sums[i] += values[i], wrapping. */
  void (*add)(int8_t* sums, const int8_t* values, size_t length);
  /** out[i] = values[i] + offset. */
  void (*shift)(uint8_t* out, const int8_t* values, int32_t offset, size_t length);
  /** How many are not 0. */
  uint32_t (*nonZeros)(const int8_t* values, size_t length);
  /** sums[i] += factor · values[i], wrapping. */
  void (*addTimes)(int32_t* sums, int32_t factor, const int32_t* values, size_t length);
};

extern const ByteKernels byteKernelsScalar;
extern const ByteKernels byteKernelsAvx2;
extern const ByteKernels byteKernelsAvx512;

}  // namespace casc
