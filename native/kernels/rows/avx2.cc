// The row kernel for AVX2: 16 sums a register.
#include "kernels/rows/by_vectors.h"
#include "kernels/rows/compress.h"
#include "kernels/rows/rows.h"
#include "kernels/target.h"

#if CASC_HAS_AVX2
#include <immintrin.h>

#include <type_traits>

namespace casc {
namespace {

constexpr size_t kLanes = 16;

CASC_AVX2 inline void addHalf(int32_t* sums, __m128i more) {
  auto* to = reinterpret_cast<__m256i*>(sums);
  _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), _mm256_cvtepi16_epi32(more)));
}

struct Rows {
  template <size_t Vectors, bool Wide>
  static CASC_AVX2 void add(const RowJob& job) {
    const RowPixel* const pixels = job.pixels;
    const uint16_t* const codes = job.codes;
    const int8_t* const weights = job.weights;
    std::conditional_t<Wide, int32_t, int16_t>* targets[Vectors];
    for (size_t v = 0; v < Vectors; ++v) targets[v] = sumsOf<Wide>(job) + job.targets[v];
    for (size_t p = 0; p < job.pixelCount; ++p) {
      const RowPixel pixel = pixels[p];
      const uint16_t* code = codes + pixel.first;
      const uint16_t* const end = code + pixel.count;
      __m256i sums[Vectors];
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v)
        sums[v] =
            Wide ? _mm256_setzero_si256()
                 : _mm256_loadu_si256(reinterpret_cast<const __m256i*>(targets[v] + pixel.target));
      for (; code != end; ++code) {
        const int8_t* row = weights + size_t{*code} * (Vectors * kLanes);
#pragma GCC unroll 9
        for (size_t v = 0; v < Vectors; ++v) {
          const __m128i weight =
              _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + v * kLanes));
          sums[v] = _mm256_add_epi16(sums[v], _mm256_cvtepi8_epi16(weight));
        }
      }
      // In ascending order of targets; see the packing in engine/spiking/row_synapse.cc.
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v) {
        if constexpr (Wide) {
          addHalf(targets[v] + pixel.target, _mm256_castsi256_si128(sums[v]));
          addHalf(targets[v] + pixel.target + 8, _mm256_extracti128_si256(sums[v], 1));
        } else {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(targets[v] + pixel.target), sums[v]);
        }
      }
    }
  }
};

}  // namespace

const RowKernel rowKernelAvx2{addByVectors<Rows>, kLanes};

CASC_AVX2 void collectCodesAvx2(const int8_t* row, size_t w, size_t c, uint32_t count,
                                uint16_t* codes, uint32_t* begin) {
  if (c % 8 != 0) return collectCodesScalar(row, w, c, count, codes, begin);
  const __m128i zero = _mm_setzero_si128(), negated = _mm_set1_epi16(static_cast<int16_t>(c));
  const __m128i iota = _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7);
  for (size_t x = 0; x < w; ++x, row += c) {
    begin[x] = count;
    for (size_t channel = 0; channel < c; channel += 8) {
      const __m128i s =
          _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + channel)));
      __m128i code = _mm_add_epi16(iota, _mm_set1_epi16(static_cast<int16_t>(channel)));
      code = _mm_add_epi16(code, _mm_and_si128(_mm_cmpgt_epi16(zero, s), negated));
      const __m128i silent = _mm_packs_epi16(_mm_cmpeq_epi16(s, zero), zero);
      const auto any = static_cast<uint32_t>(~_mm_movemask_epi8(silent)) & 0xFF;
      const __m128i order =
          _mm_load_si128(reinterpret_cast<const __m128i*>(kCompress.shuffle[any].data()));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + count), _mm_shuffle_epi8(code, order));
      count += static_cast<uint32_t>(__builtin_popcount(any));
    }
  }
  begin[w] = count;
}

}  // namespace casc
#endif
