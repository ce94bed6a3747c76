// The row kernel for NEON: 16 sums in two registers.
#include "kernels/rows/by_vectors.h"
#include "kernels/rows/compress.h"
#include "kernels/rows/rows.h"
#include "kernels/target.h"

#if CASC_HAS_NEON
#include <arm_neon.h>

#include <type_traits>

namespace casc {
namespace {

constexpr size_t kLanes = 16, kHalf = 8;

void addQuarter(int32_t* sums, int16x4_t more) {
  vst1q_s32(sums, vaddw_s16(vld1q_s32(sums), more));
}

struct Rows {
  template <size_t Vectors, bool Wide>
  static void add(const RowJob& job) {
    const RowPixel* const pixels = job.pixels;
    const uint16_t* const codes = job.codes;
    const int8_t* const weights = job.weights;
    std::conditional_t<Wide, int32_t, int16_t>* targets[Vectors];
    for (size_t v = 0; v < Vectors; ++v) targets[v] = sumsOf<Wide>(job) + job.targets[v];
    for (size_t p = 0; p < job.pixelCount; ++p) {
      const RowPixel pixel = pixels[p];
      const uint16_t* code = codes + pixel.first;
      const uint16_t* const end = code + pixel.count;
      int16x8_t sums[Vectors][2];
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v) {
        if constexpr (Wide) {
          sums[v][0] = sums[v][1] = vdupq_n_s16(0);
        } else {
          sums[v][0] = vld1q_s16(targets[v] + pixel.target);
          sums[v][1] = vld1q_s16(targets[v] + pixel.target + kHalf);
        }
      }
      for (; code != end; ++code) {
        const int8_t* row = weights + size_t{*code} * (Vectors * kLanes);
#pragma GCC unroll 9
        for (size_t v = 0; v < Vectors; ++v) {
          const int8x16_t weight = vld1q_s8(row + v * kLanes);
          sums[v][0] = vaddw_s8(sums[v][0], vget_low_s8(weight));
          sums[v][1] = vaddw_high_s8(sums[v][1], weight);
        }
      }
      // In ascending order of targets; see the packing in engine/spiking/row_synapse.cc.
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v) {
        if constexpr (Wide) {
          int32_t* const to = targets[v] + pixel.target;
          addQuarter(to, vget_low_s16(sums[v][0]));
          addQuarter(to + 4, vget_high_s16(sums[v][0]));
          addQuarter(to + kHalf, vget_low_s16(sums[v][1]));
          addQuarter(to + kHalf + 4, vget_high_s16(sums[v][1]));
        } else {
          vst1q_s16(targets[v] + pixel.target, sums[v][0]);
          vst1q_s16(targets[v] + pixel.target + kHalf, sums[v][1]);
        }
      }
    }
  }
};

}  // namespace

const RowKernel rowKernelNeon{addByVectors<Rows>, kLanes};

void collectCodesNeon(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                      uint32_t* begin) {
  if (c % 8 != 0) return collectCodesScalar(row, w, c, count, codes, begin);
  constexpr uint16_t kIota[] = {0, 1, 2, 3, 4, 5, 6, 7}, kBits[] = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint16x8_t iota = vld1q_u16(kIota), bits = vld1q_u16(kBits);
  const uint16x8_t negated = vdupq_n_u16(static_cast<uint16_t>(c));
  for (size_t x = 0; x < w; ++x, row += c) {
    begin[x] = count;
    for (size_t channel = 0; channel < c; channel += 8) {
      const int16x8_t s = vmovl_s8(vld1_s8(row + channel));
      uint16x8_t code = vaddq_u16(iota, vdupq_n_u16(static_cast<uint16_t>(channel)));
      code = vaddq_u16(code, vandq_u16(vcltzq_s16(s), negated));
      const uint32_t any = vaddvq_u16(vandq_u16(vtstq_s16(s, s), bits));
      const uint8x16_t order = vld1q_u8(kCompress.shuffle[any].data());
      vst1q_u16(codes + count, vreinterpretq_u16_u8(vqtbl1q_u8(vreinterpretq_u8_u16(code), order)));
      count += static_cast<uint32_t>(__builtin_popcount(any));
    }
  }
  begin[w] = count;
}

}  // namespace casc
#endif
