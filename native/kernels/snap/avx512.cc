#include "kernels/snap/snap.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include <immintrin.h>

namespace casc::avx512 {

CASC_AVX512 double snapBack(const SnapPass& pass, const SnapRange& range) {
  const __m512 low = _mm512_set1_ps(range.low), high = _mm512_set1_ps(range.high);
  __m512 sum = _mm512_setzero_ps();
  size_t i = 0;
  for (; i + kSnapLanes <= pass.n; i += kSnapLanes) {
    const __m512 x = _mm512_loadu_ps(pass.x + i), y = _mm512_loadu_ps(pass.y + i);
    const __m512 g = _mm512_loadu_ps(pass.gradient + i);
    const __mmask16 inside =
        _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, high, _CMP_LT_OQ), x, low, _CMP_GT_OQ);
    if (pass.to) {
      const __m512 to = _mm512_loadu_ps(pass.to + i);
      _mm512_storeu_ps(pass.to + i, _mm512_mask_add_ps(to, inside, to, g));
    }
    const __mmask16 above = _mm512_knot(_mm512_cmp_ps_mask(x, low, _CMP_LE_OQ));
    const __m512 part = _mm512_maskz_mov_ps(above, _mm512_mask_sub_ps(y, inside, y, x));
    sum = _mm512_add_ps(sum, _mm512_mul_ps(g, part));
  }
  alignas(64) float lanes[kSnapLanes];
  _mm512_store_ps(lanes, sum);
  scalar::snapBackRest(pass, range, i, lanes);
  return scalar::sumOfLanes(lanes);
}

}  // namespace casc::avx512
#endif
