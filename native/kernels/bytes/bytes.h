// Plain loops over bytes and sums, compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** One axis of a pooling window; pads take no part. */
struct PoolAxis {
  size_t in = 0, out = 0;
  int64_t kernel = 1, stride = 1, pad = 0, dilation = 1;
};

/** A row of quantised activations in integers. */
struct LevelsRow {
  const int32_t* sums = nullptr;     // Σ of the layer's terms
  const int32_t* offsets = nullptr;  // T·bias + start
  const int32_t* thresholds = nullptr;
  const float* inverses = nullptr;   // 1 / threshold, rounded
  const int8_t* shortcut = nullptr;  // counts that add their factors; null for none
  const int32_t* factors = nullptr;
  int32_t levels = 0;  // T, at most 127
  size_t length = 0;
};

struct ByteKernels {
  /** sums[i] += values[i], wrapping. */
  void (*add)(int8_t* sums, const int8_t* values, size_t length);
  /** out[i] = values[i] + offset. */
  void (*shift)(uint8_t* out, const int8_t* values, int32_t offset, size_t length);
  /** How many are not 0. */
  uint32_t (*nonZeros)(const int8_t* values, size_t length);
  /** maxima[i] = max(maxima[i], values[i]). */
  void (*max)(int8_t* maxima, const int8_t* values, size_t length);
  /** Per output pixel of c channels the maxima over its window's pixels; 0 where it has none. */
  void (*maxPixels)(int8_t* maxima, const int8_t* row, size_t c, const PoolAxis& axis);
  /** changes[i] = values[i] − held[i], then held[i] = values[i]; how many changes are not 0. */
  uint32_t (*change)(int8_t* changes, int8_t* held, const int8_t* values, size_t length);
  /** Lowers `low` and raises `high` to the values'. */
  void (*range)(const int32_t* values, size_t length, int32_t& low, int32_t& high);
  /** out[i] = clip(values[i] − from, 0, 127), wrapping. */
  void (*part)(int8_t* out, const int32_t* values, int32_t from, size_t length);
  /** counts[i] = clip(⌊(sums + offsets + factors · shortcut)[i] / thresholds[i]⌋, 0, T), exactly.
   * All of it, and T · thresholds, must fit 32 bits. */
  void (*levels)(int8_t* counts, const LevelsRow& row);
  /** sums[i] += factor · values[i], wrapping. */
  void (*addTimes)(int32_t* sums, int32_t factor, const int32_t* values, size_t length);
};

extern const ByteKernels byteKernelsScalar;
extern const ByteKernels byteKernelsAvx2;
extern const ByteKernels byteKernelsAvx512;

}  // namespace casc
