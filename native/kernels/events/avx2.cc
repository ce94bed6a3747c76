// The event kernel for AVX2: 32 spikes become three bit masks, and only set bits cost time.
#include "kernels/events/events.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

constexpr size_t kRound = 4;
static_assert(kRound <= kEventSlack);

/** Column and channel of a position without a division. */
class Locator {
 public:
  explicit Locator(uint32_t c) : c_(c), reciprocal_((uint64_t{1} << 32) / c + 1) {}

  /** The reciprocal is less than c/2^32 too large, so positions below 2^32/c come out right. */
  static bool exact(uint32_t w, uint32_t c) { return uint64_t{w} * c < (uint64_t{1} << 32) / c; }

  Event at(uint32_t position) const {
    const auto x = static_cast<uint32_t>(position * reciprocal_ >> 32);
    return {x, position - x * c_};
  }

 private:
  uint32_t c_;
  uint64_t reciprocal_;
};

/**
 * Appends the positions of a mask's set bits. Four at a time whether there are as many or not: at
 * usual rates one round does, and a loop of one round is predicted where a loop per bit is not.
 */
CASC_AVX2 inline void append(uint32_t mask, uint32_t base, const Locator& locator, Event* list,
                             size_t& count) {
  Event* out = list + count;
  count += static_cast<size_t>(__builtin_popcount(mask));
  for (; mask != 0; out += kRound) {
    for (size_t i = 0; i < kRound; ++i, mask &= mask - 1) {
      // The top bit stands in for an empty mask, whose trailing zeros are undefined.
      out[i] = locator.at(base + static_cast<uint32_t>(__builtin_ctz(mask | 0x80000000u)));
    }
  }
}

template <class N>
CASC_AVX2 void collect(const int8_t* row, uint32_t w, uint32_t c, RowEvents<N>& events) {
  if (!Locator::exact(w, c)) return collectSpikesScalar(row, w, c, events);
  events.plusCount = events.minusCount = events.valuedCount = 0;
  const uint32_t length = w * c;
  const __m256i zero = _mm256_setzero_si256();
  const __m256i one = _mm256_set1_epi8(1);
  const __m256i minusOne = _mm256_set1_epi8(-1);
  const Locator locator(c);
  uint32_t base = 0;
  for (; base + 32 <= length; base += 32) {
    const __m256i s = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + base));
    if (_mm256_testz_si256(s, s)) continue;
    const auto plus = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, one)));
    const auto minus = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, minusOne)));
    const auto none = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(s, zero)));
    append(plus, base, locator, events.plus, events.plusCount);
    append(minus, base, locator, events.minus, events.minusCount);
    uint32_t other = ~(plus | minus | none);
    if (other == 0) continue;
    const size_t first = events.valuedCount;
    append(other, base, locator, events.valued, events.valuedCount);
    for (size_t i = first; i < events.valuedCount; ++i, other &= other - 1)
      events.values[i] = static_cast<N>(row[base + static_cast<uint32_t>(__builtin_ctz(other))]);
  }
  for (; base < length; ++base) {
    if (row[base] == 0) continue;
    const Event event = locator.at(base);
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
