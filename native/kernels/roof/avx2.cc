// The roofs of AVX2.
#include "kernels/roof/roof.h"
#include "kernels/roof/weights.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

namespace casc {
namespace {

constexpr size_t kLanes = 16, kVectors = 8, kSums = 8;

CASC_AVX2 uint64_t add() {
  const int8_t* const weights = unknown(kRoofWeights.bytes);
  alignas(32) int16_t kept[kLanes];
  __m256i sums[kVectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) sums[v] = _mm256_setzero_si256();
  for (size_t pass = 0; pass < kRoofPasses; ++pass) {
    for (size_t row = 0; row < kRoofBytes; row += kVectors * kLanes) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        const __m128i weight =
            _mm_load_si128(reinterpret_cast<const __m128i*>(weights + row + v * kLanes));
        sums[v] = _mm256_add_epi16(sums[v], _mm256_cvtepi8_epi16(weight));
        // In its register: GCC 12 would copy it to and fro.
        asm("" : "+x"(sums[v]));
      }
    }
  }
#pragma GCC unroll 8
  for (size_t v = 1; v < kVectors; ++v) sums[0] = _mm256_add_epi16(sums[0], sums[v]);
  _mm256_store_si256(reinterpret_cast<__m256i*>(kept), sums[0]);
  unknown(kept);
  return kRoofPasses * kRoofBytes;
}

/** As the window product does it: pairs are added up in 16 bits. What widens them now and then is
 * left out. */
CASC_AVX2 uint64_t multiply() {
  alignas(32) int16_t kept[kLanes];
  __m256i sums[kSums];
#pragma GCC unroll 8
  for (size_t v = 0; v < kSums; ++v) {
    sums[v] = _mm256_setzero_si256();
    // Equal sums would be computed once.
    asm volatile("" : "+x"(sums[v]));
  }
  const __m256i values = _mm256_set1_epi8(1);
  __m256i weight = _mm256_set1_epi8(-1);
  constexpr size_t kRounds = size_t{1} << 14;
  for (size_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 8
    for (size_t v = 0; v < kSums; ++v) {
      // The products must be computed anew.
      asm volatile("" : "+x"(weight));
      sums[v] = _mm256_add_epi16(sums[v], _mm256_maddubs_epi16(values, weight));
    }
  }
#pragma GCC unroll 8
  for (size_t v = 1; v < kSums; ++v) sums[0] = _mm256_add_epi16(sums[0], sums[v]);
  _mm256_store_si256(reinterpret_cast<__m256i*>(kept), sums[0]);
  unknown(kept);
  return kRounds * kSums * 32;
}

}  // namespace

const RoofKernels roofKernelsAvx2{add, multiply};

}  // namespace casc
#endif
