// The patch kernel for AVX2: eight outputs of four patches stay in registers over all of k.
#include "kernels/patch/patch.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

#include <cstring>

namespace casc {
namespace {

/** Weights of two k for eight outputs, as 16 bits. */
CASC_AVX2 inline __m256i pairs(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CASC_AVX2 inline __m256i pairs(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
CASC_AVX2 inline __m256i spreadPair(const int16_t* p) {
  int32_t both;
  std::memcpy(&both, p, sizeof both);
  return _mm256_set1_epi32(both);
}

inline size_t blocks(size_t outputs) { return (outputs + kPatchOutputs - 1) / kPatchOutputs; }

CASC_AVX2 inline void addTo(int32_t* out, __m256i sum, size_t count) {
  if (count >= 8) {
    auto* p = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(p, _mm256_add_epi32(_mm256_loadu_si256(p), sum));
    return;
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  for (size_t i = 0; i < count; ++i)
    out[i] = static_cast<int32_t>(static_cast<uint32_t>(out[i]) + lanes[i]);
}
CASC_AVX2 inline void addTo(float* out, __m256 sum, size_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_loadu_ps(out), sum));
    return;
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum);
  for (size_t i = 0; i < count; ++i) out[i] += lanes[i];
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

template <class W>
CASC_AVX2 void product(const PatchJob<int16_t, int32_t>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  const size_t width = blocks(job.outputs) * kPatchOutputs;
  const Four<int16_t, int32_t> from(job);
  for (size_t m = 0; m < job.outputs; m += kPatchOutputs) {
    __m256i sum0 = _mm256_setzero_si256(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const W* column = weights + m * 2;
    for (size_t k = 0; k < job.k; k += 2, column += width * 2) {
      const __m256i w = pairs(column);
      sum0 = _mm256_add_epi32(sum0, _mm256_madd_epi16(w, spreadPair(from.patch[0] + k)));
      sum1 = _mm256_add_epi32(sum1, _mm256_madd_epi16(w, spreadPair(from.patch[1] + k)));
      sum2 = _mm256_add_epi32(sum2, _mm256_madd_epi16(w, spreadPair(from.patch[2] + k)));
      sum3 = _mm256_add_epi32(sum3, _mm256_madd_epi16(w, spreadPair(from.patch[3] + k)));
    }
    const __m256i sums[kPatches] = {sum0, sum1, sum2, sum3};
    for (size_t p = 0; p < job.patchCount; ++p)
      addTo(job.out + p * job.outStride + m, sums[p], job.outputs - m);
  }
}

}  // namespace

CASC_AVX2 void patchInt8Avx2(const PatchJob<int16_t, int32_t>& job) { product<int8_t>(job); }
CASC_AVX2 void patchInt16Avx2(const PatchJob<int16_t, int32_t>& job) { product<int16_t>(job); }

CASC_AVX2 void patchFloat32Avx2(const PatchJob<float, float>& job) {
  const float* weights = static_cast<const float*>(job.weights);
  const size_t width = blocks(job.outputs) * kPatchOutputs;
  const Four<float, float> from(job);
  for (size_t m = 0; m < job.outputs; m += kPatchOutputs) {
    __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const float* column = weights + m;
    for (size_t k = 0; k < job.k; ++k, column += width) {
      const __m256 w = _mm256_loadu_ps(column);
      sum0 = _mm256_add_ps(sum0, _mm256_mul_ps(_mm256_set1_ps(from.patch[0][k]), w));
      sum1 = _mm256_add_ps(sum1, _mm256_mul_ps(_mm256_set1_ps(from.patch[1][k]), w));
      sum2 = _mm256_add_ps(sum2, _mm256_mul_ps(_mm256_set1_ps(from.patch[2][k]), w));
      sum3 = _mm256_add_ps(sum3, _mm256_mul_ps(_mm256_set1_ps(from.patch[3][k]), w));
    }
    const __m256 sums[kPatches] = {sum0, sum1, sum2, sum3};
    for (size_t p = 0; p < job.patchCount; ++p)
      addTo(job.out + p * job.outStride + m, sums[p], job.outputs - m);
  }
}

}  // namespace casc
#endif
