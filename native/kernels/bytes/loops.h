// The loops of bytes.h, for the compiler to turn into the instructions that the includer may use.
#pragma once

#include <cstring>

#include "kernels/bytes/bytes.h"
#include "kernels/target.h"

namespace casc::loops {

CASC_INLINE void add(int8_t* __restrict sums, const int8_t* __restrict values, size_t length) {
  for (size_t i = 0; i < length; ++i) sums[i] = static_cast<int8_t>(sums[i] + values[i]);
}

CASC_INLINE void shift(uint8_t* __restrict out, const int8_t* __restrict values, int32_t offset,
                       size_t length) {
  const auto by = static_cast<uint8_t>(offset);
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<uint8_t>(values[i] + by);
}

/** Blocks of 255 counts fit a byte. */
CASC_INLINE uint32_t nonZeros(const int8_t* values, size_t length) {
  constexpr size_t kWidth = 64;
  uint32_t all = 0;
  size_t i = 0;
  while (i + kWidth <= length) {
    uint8_t counts[kWidth] = {};
    for (size_t round = 0; round < 255 && i + kWidth <= length; ++round, i += kWidth)
      for (size_t j = 0; j < kWidth; ++j)
        counts[j] = static_cast<uint8_t>(counts[j] + (values[i + j] != 0));
    for (size_t j = 0; j < kWidth; ++j) all += counts[j];
  }
  // A pixel's channels are few: eight at a time, the top bit of each byte that is not zero.
  constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7fu;
  for (; i + 8 <= length; i += 8) {
    uint64_t x;
    std::memcpy(&x, values + i, sizeof x);
    all += static_cast<uint32_t>(__builtin_popcountll((((x & kLow) + kLow) | x) & ~kLow));
  }
  for (; i < length; ++i) all += values[i] != 0;
  return all;
}

CASC_INLINE void max(int8_t* __restrict maxima, const int8_t* __restrict values, size_t length) {
  for (size_t i = 0; i < length; ++i) maxima[i] = maxima[i] < values[i] ? values[i] : maxima[i];
}

CASC_INLINE void maxPixels(int8_t* __restrict maxima, const int8_t* __restrict row, size_t c,
                           const PoolAxis& axis) {
  for (size_t o = 0; o < axis.out; ++o, maxima += c) {
    bool first = true;
    for (int64_t k = 0; k < axis.kernel; ++k) {
      const int64_t x = static_cast<int64_t>(o) * axis.stride - axis.pad + k * axis.dilation;
      if (x < 0 || x >= static_cast<int64_t>(axis.in)) continue;
      const int8_t* pixel = row + static_cast<size_t>(x) * c;
      if (first) {
        std::memcpy(maxima, pixel, c);
      } else {
        max(maxima, pixel, c);
      }
      first = false;
    }
    if (first) std::memset(maxima, 0, c);
  }
}

CASC_INLINE uint32_t change(int8_t* __restrict changes, int8_t* __restrict held,
                            const int8_t* __restrict values, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    changes[i] = static_cast<int8_t>(values[i] - held[i]);
    held[i] = values[i];
  }
  return nonZeros(changes, length);
}

CASC_INLINE void range(const int32_t* values, size_t length, int32_t& low, int32_t& high) {
  int32_t least = low, most = high;
  for (size_t i = 0; i < length; ++i) {
    least = values[i] < least ? values[i] : least;
    most = values[i] > most ? values[i] : most;
  }
  low = least;
  high = most;
}

CASC_INLINE void part(int8_t* __restrict out, const int32_t* __restrict values, int32_t from,
                      size_t length) {
  for (size_t i = 0; i < length; ++i) {
    auto x = static_cast<int32_t>(static_cast<uint32_t>(values[i]) - static_cast<uint32_t>(from));
    x = x < 0 ? 0 : x;
    out[i] = static_cast<int8_t>(x > 127 ? 127 : x);
  }
}

template <bool Shortcut>
CASC_INLINE void levelsOf(int8_t* __restrict counts, const LevelsRow& row) {
  const int32_t* __restrict sums = row.sums;
  const int32_t* __restrict offsets = row.offsets;
  const int32_t* __restrict thresholds = row.thresholds;
  const float* __restrict inverses = row.inverses;
  const int8_t* __restrict shortcut = row.shortcut;
  const int32_t* __restrict factors = row.factors;
  const int32_t most = row.levels;
  const auto highest = static_cast<float>(most);
  const size_t length = row.length;
  for (size_t i = 0; i < length; ++i) {
    int32_t x = sums[i] + offsets[i];
    if (Shortcut) x += factors[i] * shortcut[i];
    const int32_t theta = thresholds[i];
    // At most one off, since no more than 127 is asked for; the remainder tells.
    float near = static_cast<float>(x) * inverses[i];
    near = near > 0 ? near : 0;
    near = near < highest ? near : highest;
    int32_t q = static_cast<int32_t>(near);
    const int32_t rest = x - q * theta;
    q += rest >= theta ? 1 : 0;
    q -= rest < 0 ? 1 : 0;
    q = q < 0 ? 0 : q;
    q = q > most ? most : q;
    counts[i] = static_cast<int8_t>(q);
  }
}

CASC_INLINE void levels(int8_t* counts, const LevelsRow& row) {
  if (row.shortcut) {
    levelsOf<true>(counts, row);
  } else {
    levelsOf<false>(counts, row);
  }
}

CASC_INLINE void addTimes(int32_t* __restrict sums, int32_t factor,
                          const int32_t* __restrict values, size_t length) {
  for (size_t i = 0; i < length; ++i)
    sums[i] =
        static_cast<int32_t>(static_cast<uint32_t>(sums[i]) +
                             static_cast<uint32_t>(factor) * static_cast<uint32_t>(values[i]));
}

}  // namespace casc::loops
