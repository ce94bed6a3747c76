// Lane masks for AVX2 loads and stores of fewer than eight floats.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

namespace casc::avx2 {

/** Sign bits set in lanes below `count`; count may be below 0 or above 8. */
__attribute__((target("avx2"))) inline __m256i lanesBelow(int count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
}

/** Lanes begin ≤ lane < end. */
__attribute__((target("avx2"))) inline __m256i lanesBetween(int begin, int end) {
  return _mm256_andnot_si256(lanesBelow(begin), lanesBelow(end));
}

}  // namespace casc::avx2
#endif
