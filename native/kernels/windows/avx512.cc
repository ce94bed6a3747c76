// The window product with VNNI: one instruction multiplies four values of a window with sixteen
// outputs' weights. Values come from memory, four at a time to all lanes; the sums of up to
// eight windows stay in registers.
#include "kernels/target.h"
#include "kernels/windows/windows.h"

#if CASC_HAS_AVX512
#include <cstring>

#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

CASC_AVX512 inline __m512i broadcastQuad(const uint8_t* p) {
  int32_t quad;
  std::memcpy(&quad, p, sizeof quad);
  return _mm512_set1_epi32(quad);
}

/** `Blocks` blocks of outputs from `first`, of `Windows` windows in `Steps` steps. */
template <size_t Windows, size_t Blocks, size_t Steps>
CASC_AVX512 inline void multiply(const WindowJob& job, size_t first, size_t step) {
  const size_t blockBytes = job.pieceCount * job.pieceBytes * kWindowOutputs;
  const int8_t* weights = job.weights + first * blockBytes;
  const uint8_t* base[Windows];
  for (size_t w = 0; w < Windows; ++w) base[w] = job.windows[w] + step * job.stepBytes;
  __m512i sums[Steps][Windows][Blocks];
  for (size_t b = 0; b < Blocks; ++b) {
    const __m512i start = _mm512_loadu_si512(job.start + (first + b) * kWindowOutputs);
    for (size_t s = 0; s < Steps; ++s)
      for (size_t w = 0; w < Windows; ++w) sums[s][w][b] = start;
  }
  for (size_t piece = 0; piece < job.pieceCount; ++piece) {
    const size_t offset = job.pieces[piece];
    for (size_t k = offset; k < offset + job.pieceBytes; k += kWindowQuad) {
      __m512i weight[Blocks];
      for (size_t b = 0; b < Blocks; ++b) weight[b] = _mm512_loadu_si512(weights + b * blockBytes);
      weights += kWindowOutputs * kWindowQuad;
      for (size_t s = 0; s < Steps; ++s) {
        for (size_t w = 0; w < Windows; ++w) {
          const __m512i values = broadcastQuad(base[w] + k + s * job.stepBytes);
          for (size_t b = 0; b < Blocks; ++b)
            sums[s][w][b] = _mm512_dpbusd_epi32(sums[s][w][b], values, weight[b]);
        }
      }
    }
  }
  // Unrolled, or the compiler would keep the sums in memory for the sake of these loops.
  int32_t* const to = job.out + step * job.outStepStride + first * kWindowOutputs;
  const bool whole = (first + Blocks) * kWindowOutputs <= job.outputs;
#pragma GCC unroll 2
  for (size_t s = 0; s < Steps; ++s) {
#pragma GCC unroll 8
    for (size_t w = 0; w < Windows; ++w) {
#pragma GCC unroll 3
      for (size_t b = 0; b < Blocks; ++b) {
        int32_t* out = to + s * job.outStepStride + w * job.outStride + b * kWindowOutputs;
        if (whole && !job.add) {
          _mm512_storeu_si512(out, sums[s][w][b]);
        } else {
          const __mmask16 lanes = avx512::lanesBelow(job.outputs - (first + b) * kWindowOutputs);
          __m512i sum = sums[s][w][b];
          if (job.add) sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(lanes, out));
          _mm512_mask_storeu_epi32(out, lanes, sum);
        }
      }
    }
  }
}

/** Sixteen sums and more hide the latency of a product: so many steps at once for one block. */
template <size_t Windows>
CASC_AVX512 void product(const WindowJob& job) {
  const size_t blocks = (job.outputs + kWindowOutputs - 1) / kWindowOutputs;
  for (size_t b = 0; b < blocks;) {
    const size_t left = blocks - b;
    const size_t together = left == 1 ? 1 : left == 3 ? 3 : 2;
    for (size_t step = 0; step < job.steps;) {
      if (together == 3) {
        multiply<Windows, 3, 1>(job, b, step++);
      } else if (together == 2) {
        multiply<Windows, 2, 1>(job, b, step++);
      } else if (job.steps - step >= 2) {
        multiply<Windows, 1, 2>(job, b, step);
        step += 2;
      } else {
        multiply<Windows, 1, 1>(job, b, step++);
      }
    }
    b += together;
  }
}

}  // namespace

void windowProductAvx512(const WindowJob& job) {
  WindowJob part = job;
  for (size_t done = 0; done < job.windowCount; done += part.windowCount) {
    const size_t left = job.windowCount - done;
    part.windows = job.windows + done;
    part.out = job.out + done * job.outStride;
    part.windowCount = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if (part.windowCount == 8) {
      product<8>(part);
    } else if (part.windowCount == 4) {
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
