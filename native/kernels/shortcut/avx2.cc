// The shortcut for AVX2, eight at a time.
#include "kernels/shortcut/shortcut.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {

CASC_AVX2 void addShortcutAvx2(const int8_t* spikes, const int32_t* factors, int32_t* sums,
                               size_t length) {
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    const __m256i s =
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(spikes + i)));
    if (_mm256_testz_si256(s, s)) continue;
    auto* to = reinterpret_cast<__m256i*>(sums + i);
    const __m256i factor = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(factors + i));
    _mm256_storeu_si256(to,
                        _mm256_add_epi32(_mm256_loadu_si256(to), _mm256_mullo_epi32(s, factor)));
  }
  addShortcutScalar(spikes + i, factors + i, sums + i, length - i);
}

}  // namespace casc
#endif
