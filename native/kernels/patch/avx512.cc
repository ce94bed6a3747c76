// The patch kernel for AVX-512: sixteen outputs of four patches stay in registers over all of k.
#include "kernels/patch/patch.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include <cstring>

#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kLanes = 16;

/** Weights of two k for the outputs in `lanes`, as 16 bits. */
CASC_AVX512 inline __m512i pairs(__mmask16 lanes, const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi16(lanes, p));
}
CASC_AVX512 inline __m512i pairs(__mmask16 lanes, const int16_t* p) {
  return _mm512_maskz_loadu_epi32(lanes, p);
}
CASC_AVX512 inline __m512i spreadPair(const int16_t* p) {
  int32_t both;
  std::memcpy(&both, p, sizeof both);
  return _mm512_set1_epi32(both);
}

CASC_AVX512 inline void addTo(int32_t* out, __m512i sum, __mmask16 lanes) {
  const __m512i before = _mm512_maskz_loadu_epi32(lanes, out);
  _mm512_mask_storeu_epi32(out, lanes, _mm512_add_epi32(before, sum));
}
CASC_AVX512 inline void addTo(float* out, __m512 sum, __mmask16 lanes) {
  const __m512 before = _mm512_maskz_loadu_ps(lanes, out);
  _mm512_mask_storeu_ps(out, lanes, _mm512_add_ps(before, sum));
}

/** Pointers to four patches; missing ones repeat the first and are not stored. */
template <class P, class N>
struct Four {
  explicit Four(const PatchJob<P, N>& job) {
    for (size_t p = 0; p < kPatches; ++p)
      patch[p] = job.patches + (p < job.patchCount ? p : 0) * job.patchStride;
  }
  const P* patch[kPatches];
};

inline size_t padded(size_t outputs) {
  return (outputs + kPatchOutputs - 1) / kPatchOutputs * kPatchOutputs;
}

template <class W>
CASC_AVX512 void product(const PatchJob<int16_t, int32_t>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  const size_t width = padded(job.outputs);
  const Four<int16_t, int32_t> from(job);
  for (size_t m = 0; m < job.outputs; m += kLanes) {
    const __mmask16 lanes = avx512::lanesBelow(job.outputs - m);
    __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const W* column = weights + m * 2;
    for (size_t k = 0; k < job.k; k += 2, column += width * 2) {
      const __m512i w = pairs(lanes, column);
      sum0 = _mm512_add_epi32(sum0, _mm512_madd_epi16(w, spreadPair(from.patch[0] + k)));
      sum1 = _mm512_add_epi32(sum1, _mm512_madd_epi16(w, spreadPair(from.patch[1] + k)));
      sum2 = _mm512_add_epi32(sum2, _mm512_madd_epi16(w, spreadPair(from.patch[2] + k)));
      sum3 = _mm512_add_epi32(sum3, _mm512_madd_epi16(w, spreadPair(from.patch[3] + k)));
    }
    const __m512i sums[kPatches] = {sum0, sum1, sum2, sum3};
    for (size_t p = 0; p < job.patchCount; ++p)
      addTo(job.out + p * job.outStride + m, sums[p], lanes);
  }
}

}  // namespace

CASC_AVX512 void patchInt8Avx512(const PatchJob<int16_t, int32_t>& job) { product<int8_t>(job); }
CASC_AVX512 void patchInt16Avx512(const PatchJob<int16_t, int32_t>& job) { product<int16_t>(job); }

CASC_AVX512 void patchFloat32Avx512(const PatchJob<float, float>& job) {
  const float* weights = static_cast<const float*>(job.weights);
  const size_t width = padded(job.outputs);
  const Four<float, float> from(job);
  for (size_t m = 0; m < job.outputs; m += kLanes) {
    const __mmask16 lanes = avx512::lanesBelow(job.outputs - m);
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const float* column = weights + m;
    for (size_t k = 0; k < job.k; ++k, column += width) {
      const __m512 w = _mm512_maskz_loadu_ps(lanes, column);
      sum0 = _mm512_add_ps(sum0, _mm512_mul_ps(_mm512_set1_ps(from.patch[0][k]), w));
      sum1 = _mm512_add_ps(sum1, _mm512_mul_ps(_mm512_set1_ps(from.patch[1][k]), w));
      sum2 = _mm512_add_ps(sum2, _mm512_mul_ps(_mm512_set1_ps(from.patch[2][k]), w));
      sum3 = _mm512_add_ps(sum3, _mm512_mul_ps(_mm512_set1_ps(from.patch[3][k]), w));
    }
    const __m512 sums[kPatches] = {sum0, sum1, sum2, sum3};
    for (size_t p = 0; p < job.patchCount; ++p)
      addTo(job.out + p * job.outStride + m, sums[p], lanes);
  }
}

}  // namespace casc
#endif
