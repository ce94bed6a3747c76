// The patch kernel: dense products of input patches and a weight matrix. Only the oracle uses it,
// so that what is certified and what certifies share no arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** Output channels are padded with zero weights to a multiple of this. */
constexpr size_t kPatchOutputs = 8;
/** At most this many patches in one call. */
constexpr size_t kPatches = 4;

/**
 * out[p][m] += Σ_k patch[p][k] · weight[k][m]
 * Fixed point: P is int16_t, N int32_t, weights (int8_t or int16_t) are [pairs of k][m padded][2],
 * k padded with zeros to an even number. Float: P and N are float, weights are [k][m padded], sums
 * run over k upwards.
 */
template <class P, class N>
struct PatchJob {
  const P* patches = nullptr;
  size_t patchStride = 0;  // elements between patches
  size_t patchCount = 0;   // 1..kPatches
  size_t k = 0;            // elements of one patch, even in fixed point
  const void* weights = nullptr;
  size_t outputs = 0;  // m, unpadded
  N* out = nullptr;
  size_t outStride = 0;  // elements between the outputs of two patches
};

template <class P, class N>
using PatchProduct = void (*)(const PatchJob<P, N>&);

void patchInt8Scalar(const PatchJob<int16_t, int32_t>& job);
void patchInt16Scalar(const PatchJob<int16_t, int32_t>& job);
void patchFloat32Scalar(const PatchJob<float, float>& job);
void patchInt8Avx2(const PatchJob<int16_t, int32_t>& job);
void patchInt16Avx2(const PatchJob<int16_t, int32_t>& job);
void patchFloat32Avx2(const PatchJob<float, float>& job);
void patchInt8Avx512(const PatchJob<int16_t, int32_t>& job);
void patchInt16Avx512(const PatchJob<int16_t, int32_t>& job);
void patchFloat32Avx512(const PatchJob<float, float>& job);

}  // namespace casc
