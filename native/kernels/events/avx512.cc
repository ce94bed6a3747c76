// The event kernel for AVX-512: 64 spikes become two bit masks, and the positions of their set bits
// are compressed and turned into events eight at a time.
#include "kernels/events/events.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

static_assert(sizeof(Event) == 8 && kEventSlack >= 8);

/** Column and channel of positions without a division. */
struct Locator {
  __m512i channels;
  __m512i reciprocal;  // 2^32/c + 1
};

/** The reciprocal is less than c/2^32 too large, so positions below 2^32/c come out right. */
bool exact(uint32_t w, uint32_t c) { return c > 1 && uint64_t{w} * c < (uint64_t{1} << 32) / c; }

/** Eight positions to eight events. */
CASC_AVX512 inline void store(Event* list, __m256i positions, const Locator& locator) {
  const __m512i p = _mm512_cvtepu32_epi64(positions);
  const __m512i x = _mm512_srli_epi64(_mm512_mul_epu32(p, locator.reciprocal), 32);
  const __m512i c = _mm512_sub_epi64(p, _mm512_mul_epu32(x, locator.channels));
  _mm512_storeu_si512(list, _mm512_or_si512(x, _mm512_slli_epi64(c, 32)));
}

/** Appends the positions of a mask's set bits. */
CASC_AVX512 inline void append(uint64_t mask, uint32_t base, const Locator& locator, Event* list,
                               size_t& count) {
  __m512i lanes =
      _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                       _mm512_set1_epi32(static_cast<int32_t>(base)));
  // No test for an empty quarter: at usual rates it would be guessed wrong too often.
  for (int quarter = 0; quarter < 4; ++quarter, mask >>= 16) {
    const auto set = static_cast<__mmask16>(mask);
    const auto more = static_cast<size_t>(__builtin_popcount(set));
    const __m512i positions = _mm512_maskz_compress_epi32(set, lanes);
    store(list + count, _mm512_castsi512_si256(positions), locator);
    if (more > 8) store(list + count + 8, _mm512_extracti64x4_epi64(positions, 1), locator);
    count += more;
    lanes = _mm512_add_epi32(lanes, _mm512_set1_epi32(16));
  }
}

template <class N>
CASC_AVX512 void collect(const int8_t* row, uint32_t w, uint32_t c, RowEvents<N>& events) {
  if (!exact(w, c)) return collectSpikesAvx2(row, w, c, events);
  events.plusCount = events.minusCount = events.valuedCount = 0;
  const uint32_t length = w * c;
  const Locator locator{_mm512_set1_epi64(c), _mm512_set1_epi64((int64_t{1} << 32) / c + 1)};
  const __m512i one = _mm512_set1_epi8(1);
  const __m512i minusOne = _mm512_set1_epi8(-1);
  for (uint32_t base = 0; base < length; base += 64) {
    const uint32_t rest = length - base;
    const __m512i s = rest >= 64 ? _mm512_loadu_si512(row + base)
                                 : _mm512_maskz_loadu_epi8((uint64_t{1} << rest) - 1, row + base);
    const uint64_t any = _mm512_test_epi8_mask(s, s);
    if (any == 0) continue;
    const uint64_t plus = _mm512_cmpeq_epi8_mask(s, one);
    const uint64_t minus = _mm512_cmpeq_epi8_mask(s, minusOne);
    if (plus != 0) append(plus, base, locator, events.plus, events.plusCount);
    if (minus != 0) append(minus, base, locator, events.minus, events.minusCount);
    uint64_t other = any & ~(plus | minus);
    if (other == 0) continue;
    size_t i = events.valuedCount;
    append(other, base, locator, events.valued, events.valuedCount);
    for (; other != 0; other &= other - 1)
      events.values[i++] =
          static_cast<N>(row[base + static_cast<uint32_t>(__builtin_ctzll(other))]);
  }
}

}  // namespace

void collectSpikesAvx512(const int8_t* row, uint32_t w, uint32_t c, RowEvents<int32_t>& events) {
  collect(row, w, c, events);
}
void collectSpikesAvx512(const int8_t* row, uint32_t w, uint32_t c, RowEvents<float>& events) {
  collect(row, w, c, events);
}

}  // namespace casc
#endif
