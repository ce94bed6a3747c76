// The event kernel for AVX2: 32 spikes become three bit masks, and only set bits cost time.
#include "kernels/events/events.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

/** Walks positions upwards and knows the pixel each is in without dividing. */
struct Cursor {
  uint32_t x = 0;
  uint32_t begin = 0;  // position of the pixel's channel 0
  uint32_t c = 0;

  Event at(uint32_t position) {
    while (position - begin >= c) {
      begin += c;
      ++x;
    }
    return {x, position - begin};
  }
};

inline void append(uint32_t mask, uint32_t base, Cursor cursor, Event* list, size_t& count) {
  size_t end = count;
  for (; mask != 0; mask &= mask - 1)
    list[end++] = cursor.at(base + static_cast<uint32_t>(__builtin_ctz(mask)));
  count = end;
}

template <class N>
CASC_AVX2 void collect(const int8_t* row, uint32_t w, uint32_t c, RowEvents<N>& events) {
  events.plusCount = events.minusCount = events.valuedCount = 0;
  const uint32_t length = w * c;
  const __m256i zero = _mm256_setzero_si256();
  const __m256i one = _mm256_set1_epi8(1);
  const __m256i minusOne = _mm256_set1_epi8(-1);
  Cursor cursor{0, 0, c};
  uint32_t base = 0;
  for (; base + 32 <= length; base += 32) {
    const __m256i s = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + base));
    if (_mm256_testz_si256(s, s)) continue;
    const auto plus = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, one)));
    const auto minus = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, minusOne)));
    const auto none = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, zero)));
    cursor.at(base);
    append(plus, base, cursor, events.plus, events.plusCount);
    append(minus, base, cursor, events.minus, events.minusCount);
    uint32_t other = ~(plus | minus | none);
    if (other == 0) continue;
    const size_t first = events.valuedCount;
    append(other, base, cursor, events.valued, events.valuedCount);
    for (size_t i = first; i < events.valuedCount; ++i, other &= other - 1)
      events.values[i] = static_cast<N>(row[base + static_cast<uint32_t>(__builtin_ctz(other))]);
  }
  for (; base < length; ++base) {
    if (row[base] == 0) continue;
    const Event event = cursor.at(base);
    if (row[base] == 1) {
      events.plus[events.plusCount++] = event;
    } else if (row[base] == -1) {
      events.minus[events.minusCount++] = event;
    } else {
      events.valued[events.valuedCount] = event;
      events.values[events.valuedCount++] = static_cast<N>(row[base]);
    }
  }
}

}  // namespace

void collectSpikesAvx2(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events) {
  collect(row, w, c, events);
}
void collectSpikesAvx2(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events) {
  collect(row, w, c, events);
}

}  // namespace casc
#endif
