// The window product for NEON, in two versions. With dot products one instruction multiplies four
// values of a window with four outputs' weights; values are below 128, so they may pass as signed.
// Without, products are added up in 16 bits for as long as the largest value allows, then in 32.
#include "kernels/target.h"
#include "kernels/windows/windows.h"

#if CASC_HAS_NEON
#include <arm_neon.h>

#include <algorithm>
#include <cstring>

namespace casc {
namespace {

constexpr size_t kParts = 4, kLanes = 4;  // registers of a block of outputs
static_assert(kParts * kLanes == kWindowOutputs && kMostWindowValue <= 127);

inline int8x16_t broadcastQuad(const uint8_t* p) {
  int32_t quad;
  std::memcpy(&quad, p, sizeof quad);
  return vreinterpretq_s8_s32(vdupq_n_s32(quad));
}

inline void write(const WindowJob& job, size_t block, size_t step, size_t window,
                  const int32x4_t* sums) {
  const size_t first = block * kWindowOutputs;
  int32_t* out = job.out + step * job.outStepStride + window * job.outStride + first;
  if (first + kWindowOutputs <= job.outputs) {
    for (size_t q = 0; q < kParts; ++q)
      vst1q_s32(out + q * kLanes,
                job.add ? vaddq_s32(vld1q_s32(out + q * kLanes), sums[q]) : sums[q]);
    return;
  }
  int32_t lanes[kWindowOutputs];
  for (size_t q = 0; q < kParts; ++q) vst1q_s32(lanes + q * kLanes, sums[q]);
  for (size_t m = 0; m < job.outputs - first; ++m) out[m] = lanes[m] + (job.add ? out[m] : 0);
}

#if CASC_HAS_NEON_DOT
template <size_t Windows>
struct Dot {
  CASC_NEON_DOT static void multiply(const WindowJob& job, size_t block, size_t step) {
    const int8_t* weights =
        job.weights + block * (job.pieceCount * job.pieceBytes * kWindowOutputs);
    const uint8_t* base[Windows];
    int32x4_t sums[Windows][kParts];
    for (size_t w = 0; w < Windows; ++w) {
      base[w] = job.windows[w] + step * job.stepBytes;
      for (size_t q = 0; q < kParts; ++q)
        sums[w][q] = vld1q_s32(job.start + block * kWindowOutputs + q * kLanes);
    }
    for (size_t piece = 0; piece < job.pieceCount; ++piece) {
      const size_t offset = job.pieces[piece];
      for (size_t k = offset; k < offset + job.pieceBytes; k += kWindowQuad) {
        int8x16_t weight[kParts];
        for (size_t q = 0; q < kParts; ++q)
          weight[q] = vld1q_s8(weights + q * kLanes * kWindowQuad);
        weights += kWindowOutputs * kWindowQuad;
        for (size_t w = 0; w < Windows; ++w) {
          const int8x16_t values = broadcastQuad(base[w] + k);
          for (size_t q = 0; q < kParts; ++q) sums[w][q] = vdotq_s32(sums[w][q], weight[q], values);
        }
      }
    }
    for (size_t w = 0; w < Windows; ++w) write(job, block, step, w, sums[w]);
  }
};
#endif

template <size_t Windows>
struct Plain {
  static void multiply(const WindowJob& job, size_t block, size_t step) {
    const int8_t* weights =
        job.weights + block * (job.pieceCount * job.pieceBytes * kWindowOutputs);
    const uint8_t* base[Windows];
    // Two lanes for each output; the first also holds what its sum starts with.
    int32x4_t wide[Windows][2 * kParts];
    int16x8_t narrow[Windows][2 * kParts];
    for (size_t w = 0; w < Windows; ++w) {
      base[w] = job.windows[w] + step * job.stepBytes;
      for (size_t q = 0; q < kParts; ++q) {
        const int32x4_t start = vld1q_s32(job.start + block * kWindowOutputs + q * kLanes);
        wide[w][2 * q] = vzip1q_s32(start, vdupq_n_s32(0));
        wide[w][2 * q + 1] = vzip2q_s32(start, vdupq_n_s32(0));
      }
      for (int16x8_t& sums : narrow[w]) sums = vdupq_n_s16(0);
    }
    // Products of `most` and −128 that 16 bits take.
    const auto most = static_cast<size_t>(32767 / (128 * std::max(job.most, 1)));
    size_t room = most;
    for (size_t piece = 0; piece < job.pieceCount; ++piece) {
      size_t k = job.pieces[piece];
      const size_t end = k + job.pieceBytes;
      while (k < end) {
        const size_t quads = std::min(room, (end - k) / kWindowQuad);
        for (const size_t until = k + quads * kWindowQuad; k < until; k += kWindowQuad) {
          for (size_t w = 0; w < Windows; ++w) {
            const int8x16_t values = broadcastQuad(base[w] + k);
            for (size_t q = 0; q < kParts; ++q) {
              const int8x16_t weight = vld1q_s8(weights + q * kLanes * kWindowQuad);
              narrow[w][2 * q] =
                  vmlal_s8(narrow[w][2 * q], vget_low_s8(weight), vget_low_s8(values));
              narrow[w][2 * q + 1] = vmlal_high_s8(narrow[w][2 * q + 1], weight, values);
            }
          }
          weights += kWindowOutputs * kWindowQuad;
        }
        room -= quads;
        if (room > 0) continue;
        room = most;
        widen<Windows>(wide, narrow);
      }
    }
    widen<Windows>(wide, narrow);
    for (size_t w = 0; w < Windows; ++w) {
      int32x4_t sums[kParts];
      for (size_t q = 0; q < kParts; ++q) sums[q] = vpaddq_s32(wide[w][2 * q], wide[w][2 * q + 1]);
      write(job, block, step, w, sums);
    }
  }

 private:
  template <size_t Count>
  static void widen(int32x4_t (&wide)[Count][2 * kParts], int16x8_t (&narrow)[Count][2 * kParts]) {
    for (size_t w = 0; w < Count; ++w) {
      for (size_t q = 0; q < 2 * kParts; ++q) {
        wide[w][q] = vpadalq_s16(wide[w][q], narrow[w][q]);
        narrow[w][q] = vdupq_n_s16(0);
      }
    }
  }
};

template <class Kernel>
void product(const WindowJob& job) {
  const size_t blocks = (job.outputs + kWindowOutputs - 1) / kWindowOutputs;
  for (size_t block = 0; block < blocks; ++block)
    for (size_t step = 0; step < job.steps; ++step) Kernel::multiply(job, block, step);
}

/** As many windows at a time as registers hold the sums of. */
template <template <size_t> class Kernel, size_t Most>
void windows(const WindowJob& job) {
  WindowJob part = job;
  for (size_t done = 0; done < job.windowCount; done += part.windowCount) {
    part.windows = job.windows + done;
    part.out = job.out + done * job.outStride;
    if (job.windowCount - done >= Most) {
      part.windowCount = Most;
      product<Kernel<Most>>(part);
    } else {
      part.windowCount = 1;
      product<Kernel<1>>(part);
    }
  }
}

}  // namespace

void windowProductNeon(const WindowJob& job) { windows<Plain, 2>(job); }
#if CASC_HAS_NEON_DOT
void windowProductNeonDot(const WindowJob& job) { windows<Dot, 4>(job); }
#endif

}  // namespace casc
#endif
