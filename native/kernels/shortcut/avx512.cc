// The shortcut for AVX-512: 64 spikes become masks under which factors are added or taken away;
// only where one of them is more than a single spike are they multiplied.
#include "kernels/shortcut/shortcut.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kBlock = 64, kLanes = 16;

CASC_AVX512 inline __mmask16 part(__mmask64 lanes, size_t q) {
  return static_cast<__mmask16>(lanes >> (q * kLanes));
}

}  // namespace

CASC_AVX512 void addShortcutAvx512(const int8_t* spikes, const int32_t* factors, int32_t* sums,
                                   size_t length) {
  for (size_t i = 0; i < length; i += kBlock) {
    const size_t rest = length - i;
    const __mmask64 lanes = rest >= kBlock ? ~__mmask64{0} : (__mmask64{1} << rest) - 1;
    const __m512i s = _mm512_maskz_loadu_epi8(lanes, spikes + i);
    const __mmask64 any = _mm512_test_epi8_mask(s, s);
    if (any == 0) continue;
    const __mmask64 plus = _mm512_cmpeq_epi8_mask(s, _mm512_set1_epi8(1));
    const __mmask64 minus = _mm512_cmpeq_epi8_mask(s, _mm512_set1_epi8(-1));
    const bool single = any == (plus | minus);
#pragma GCC unroll 4
    for (size_t q = 0; q < kBlock / kLanes; ++q) {
      const __mmask16 here = part(lanes, q);
      int32_t* to = sums + i + q * kLanes;
      const __m512i factor = _mm512_maskz_loadu_epi32(here, factors + i + q * kLanes);
      __m512i sum = _mm512_maskz_loadu_epi32(here, to);
      if (single) {
        sum = _mm512_mask_add_epi32(sum, part(plus, q), sum, factor);
        sum = _mm512_mask_sub_epi32(sum, part(minus, q), sum, factor);
      } else {
        const __m512i value =
            _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(here, spikes + i + q * kLanes));
        sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(value, factor));
      }
      _mm512_mask_storeu_epi32(to, here, sum);
    }
  }
}

}  // namespace casc
#endif
