// The roofs of AVX-512 with VNNI.
#include "kernels/roof/roof.h"
#include "kernels/roof/weights.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kLanes = 32, kVectors = 9, kSums = 16;

CASC_AVX512 uint64_t add() {
  const int8_t* const weights = unknown(kRoofWeights.bytes);
  alignas(64) int16_t kept[kLanes];
  __m512i sums[kVectors];
#pragma GCC unroll 9
  for (size_t v = 0; v < kVectors; ++v) sums[v] = _mm512_setzero_si512();
  for (size_t pass = 0; pass < kRoofPasses; ++pass) {
    for (size_t row = 0; row < kRoofBytes; row += kVectors * kLanes) {
#pragma GCC unroll 9
      for (size_t v = 0; v < kVectors; ++v) {
        const __m256i weight =
            _mm256_load_si256(reinterpret_cast<const __m256i*>(weights + row + v * kLanes));
        sums[v] = _mm512_add_epi16(sums[v], _mm512_cvtepi8_epi16(weight));
      }
    }
  }
#pragma GCC unroll 9
  for (size_t v = 1; v < kVectors; ++v) sums[0] = _mm512_add_epi16(sums[0], sums[v]);
  _mm512_store_si512(kept, sums[0]);
  unknown(kept);
  return kRoofPasses * kRoofBytes;
}

CASC_AVX512 uint64_t multiply() {
  alignas(64) int32_t kept[16];
  __m512i sums[kSums];
#pragma GCC unroll 16
  for (size_t v = 0; v < kSums; ++v) {
    sums[v] = _mm512_setzero_si512();
    // Equal sums would be computed once.
    asm volatile("" : "+v"(sums[v]));
  }
  const __m512i values = _mm512_set1_epi8(1);
  __m512i weight = _mm512_set1_epi8(-1);
  constexpr size_t kRounds = size_t{1} << 13;
  for (size_t round = 0; round < kRounds; ++round) {
    // The products must be computed anew.
    asm volatile("" : "+v"(weight));
#pragma GCC unroll 16
    for (size_t v = 0; v < kSums; ++v) sums[v] = _mm512_dpbusd_epi32(sums[v], values, weight);
  }
#pragma GCC unroll 16
  for (size_t v = 1; v < kSums; ++v) sums[0] = _mm512_add_epi32(sums[0], sums[v]);
  _mm512_store_si512(kept, sums[0]);
  unknown(kept);
  return kRounds * kSums * 64;
}

}  // namespace

const RoofKernels roofKernelsAvx512{add, multiply};

}  // namespace casc
#endif
