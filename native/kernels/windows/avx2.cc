// The window product for AVX2: pairs of products are added up in 16 bits for as long as the largest
// value allows, then in 32.
#include "kernels/target.h"
#include "kernels/windows/windows.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/avx2_lanes.h"

namespace casc {
namespace {

constexpr size_t kHalf = 8;  // outputs of one register

CASC_AVX2 inline __m256i load(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

CASC_AVX2 inline __m256i broadcastQuad(const uint8_t* p) {
  int32_t quad;
  std::memcpy(&quad, p, sizeof quad);
  return _mm256_set1_epi32(quad);
}

/** Additions of two products of `most` and −128 that 16 bits take. */
size_t additions(int32_t most) {
  return static_cast<size_t>(32767 / (2 * 128 * std::max(most, 1)));
}

template <size_t Windows>
CASC_AVX2 inline void multiply(const WindowJob& job, size_t block, size_t step) {
  const int8_t* weights = job.weights + block * (job.pieceCount * job.pieceBytes * kWindowOutputs);
  const uint8_t* base[Windows];
  for (size_t w = 0; w < Windows; ++w) base[w] = job.windows[w] + step * job.stepBytes;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i wide[Windows][2], pairs[Windows][2];
  for (size_t w = 0; w < Windows; ++w) {
    for (size_t h = 0; h < 2; ++h) {
      wide[w][h] = load(job.start + block * kWindowOutputs + h * kHalf);
      pairs[w][h] = _mm256_setzero_si256();
    }
  }
  const size_t most = additions(job.most);
  size_t room = most;
  for (size_t piece = 0; piece < job.pieceCount; ++piece) {
    size_t k = job.pieces[piece];
    const size_t end = k + job.pieceBytes;
    while (k < end) {
      const size_t quads = std::min(room, (end - k) / kWindowQuad);
      for (const size_t until = k + quads * kWindowQuad; k < until; k += kWindowQuad) {
        const __m256i low = load(weights), high = load(weights + kHalf * kWindowQuad);
        weights += kWindowOutputs * kWindowQuad;
        for (size_t w = 0; w < Windows; ++w) {
          const __m256i values = broadcastQuad(base[w] + k);
          pairs[w][0] = _mm256_add_epi16(pairs[w][0], _mm256_maddubs_epi16(values, low));
          pairs[w][1] = _mm256_add_epi16(pairs[w][1], _mm256_maddubs_epi16(values, high));
        }
      }
      room -= quads;
      if (room > 0) continue;
      room = most;
      for (size_t w = 0; w < Windows; ++w) {
        for (size_t h = 0; h < 2; ++h) {
          wide[w][h] = _mm256_add_epi32(wide[w][h], _mm256_madd_epi16(pairs[w][h], ones));
          pairs[w][h] = _mm256_setzero_si256();
        }
      }
    }
  }
  for (size_t w = 0; w < Windows; ++w) {
    int32_t* out = job.out + step * job.outStepStride + w * job.outStride;
    for (size_t h = 0; h < 2; ++h) {
      const size_t m = block * kWindowOutputs + h * kHalf;
      if (m >= job.outputs) break;
      const __m256i lanes = avx2::lanesBelow(static_cast<int>(std::min(job.outputs - m, kHalf)));
      __m256i sum = _mm256_add_epi32(wide[w][h], _mm256_madd_epi16(pairs[w][h], ones));
      if (job.add) sum = _mm256_add_epi32(sum, _mm256_maskload_epi32(out + m, lanes));
      _mm256_maskstore_epi32(out + m, lanes, sum);
    }
  }
}

template <size_t Windows>
CASC_AVX2 void product(const WindowJob& job) {
  const size_t blocks = (job.outputs + kWindowOutputs - 1) / kWindowOutputs;
  for (size_t block = 0; block < blocks; ++block)
    for (size_t step = 0; step < job.steps; ++step) multiply<Windows>(job, block, step);
}

}  // namespace

void windowProductAvx2(const WindowJob& job) {
  WindowJob part = job;
  for (size_t done = 0; done < job.windowCount; done += part.windowCount) {
    const size_t left = job.windowCount - done;
    part.windows = job.windows + done;
    part.out = job.out + done * job.outStride;
    part.windowCount = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if (part.windowCount == 4) {
      product<4>(part);
    } else if (part.windowCount == 2) {
      product<2>(part);
    } else {
      product<1>(part);
    }
  }
}

}  // namespace casc
#endif
