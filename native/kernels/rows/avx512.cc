// The row kernel for AVX-512: 32 sums a register.
#include "kernels/rows/by_vectors.h"
#include "kernels/rows/rows.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include <type_traits>

#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kLanes = 32;

/** Adds 32 sums of a pixel to sums of 32 bits. */
CASC_AVX512 inline void addWide(int32_t* sums, __m512i more) {
  const __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(more));
  const __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(more, 1));
  _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_loadu_si512(sums), low));
  _mm512_storeu_si512(sums + 16, _mm512_add_epi32(_mm512_loadu_si512(sums + 16), high));
}

struct Rows {
  template <size_t Vectors, bool Wide>
  static CASC_AVX512 void add(const RowJob& job) {
    const RowPixel* const pixels = job.pixels;
    const uint16_t* const codes = job.codes;
    const int8_t* const weights = job.weights;
    std::conditional_t<Wide, int32_t, int16_t>* targets[Vectors];
    for (size_t v = 0; v < Vectors; ++v) targets[v] = sumsOf<Wide>(job) + job.targets[v];
    for (size_t p = 0; p < job.pixelCount; ++p) {
      const RowPixel pixel = pixels[p];
      const uint16_t* code = codes + pixel.first;
      const uint16_t* const end = code + pixel.count;
      __m512i sums[Vectors];
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v)
        sums[v] = Wide ? _mm512_setzero_si512() : _mm512_loadu_si512(targets[v] + pixel.target);
      for (; code != end; ++code) {
        const int8_t* row = weights + size_t{*code} * (Vectors * kLanes);
#pragma GCC unroll 9
        for (size_t v = 0; v < Vectors; ++v) {
          const __m256i weight =
              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + v * kLanes));
          sums[v] = _mm512_add_epi16(sums[v], _mm512_cvtepi8_epi16(weight));
        }
      }
      // Lanes past the outputs carry zeros, but those of the next pixel may be among them: store in
      // order, one vector at a time.
#pragma GCC unroll 9
      for (size_t v = 0; v < Vectors; ++v) {
        if constexpr (Wide) {
          addWide(targets[v] + pixel.target, sums[v]);
        } else {
          _mm512_storeu_si512(targets[v] + pixel.target, sums[v]);
        }
      }
    }
  }
};

}  // namespace

const RowKernel rowKernelAvx512{addByVectors<Rows>, kLanes};

CASC_AVX512 void collectCodesAvx512(const int8_t* row, size_t w, size_t c, uint32_t count,
                                    uint16_t* codes, uint32_t* begin) {
  const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i negated = _mm512_set1_epi32(static_cast<int32_t>(c));
  for (size_t x = 0; x < w; ++x, row += c) {
    begin[x] = count;
    for (size_t channel = 0; channel < c; channel += 16) {
      const __mmask16 lanes = avx512::lanesBelow(c - channel);
      const __m128i s = _mm_maskz_loadu_epi8(lanes, row + channel);
      const __mmask16 any = _mm_test_epi8_mask(s, s);
      __m512i code = _mm512_add_epi32(iota, _mm512_set1_epi32(static_cast<int32_t>(channel)));
      code = _mm512_mask_add_epi32(code, _mm_movepi8_mask(s), code, negated);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + count),
                          _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(any, code)));
      count += static_cast<uint32_t>(__builtin_popcount(any));
    }
  }
  begin[w] = count;
}

}  // namespace casc
#endif
