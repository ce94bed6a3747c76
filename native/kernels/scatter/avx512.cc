// The scatter kernel for AVX-512: sixteen sums a register. Events of one pixel reach the same sums,
// so these stay in registers while the pixel's weight rows are added, in the order of the events.
#include "kernels/scatter/scatter.h"
#include "kernels/target.h"

#if CASC_HAS_AVX512
#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr uint32_t kLanes = 16;
/** Most events of a pixel that are added in one go. */
constexpr size_t kTogether = 64;

CASC_AVX512 inline __m512i loadRow(const int8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CASC_AVX512 inline __m512i loadRow(const int16_t* p) {
  return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
CASC_AVX512 inline __m512 loadRow(const float* p) { return _mm512_loadu_ps(p); }
CASC_AVX512 inline __m512i loadRow(__mmask16 lanes, const int8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, p));
}
CASC_AVX512 inline __m512i loadRow(__mmask16 lanes, const int16_t* p) {
  return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(lanes, p));
}
CASC_AVX512 inline __m512 loadRow(__mmask16 lanes, const float* p) {
  return _mm512_maskz_loadu_ps(lanes, p);
}
CASC_AVX512 inline __m512i loadSums(const int32_t* p) { return _mm512_loadu_si512(p); }
CASC_AVX512 inline __m512 loadSums(const float* p) { return _mm512_loadu_ps(p); }
CASC_AVX512 inline __m512i loadSums(__mmask16 lanes, const int32_t* p) {
  return _mm512_maskz_loadu_epi32(lanes, p);
}
CASC_AVX512 inline __m512 loadSums(__mmask16 lanes, const float* p) {
  return _mm512_maskz_loadu_ps(lanes, p);
}
CASC_AVX512 inline void store(int32_t* p, __m512i x) { _mm512_storeu_si512(p, x); }
CASC_AVX512 inline void store(float* p, __m512 x) { _mm512_storeu_ps(p, x); }
CASC_AVX512 inline void store(__mmask16 lanes, int32_t* p, __m512i x) {
  _mm512_mask_storeu_epi32(p, lanes, x);
}
CASC_AVX512 inline void store(__mmask16 lanes, float* p, __m512 x) {
  _mm512_mask_storeu_ps(p, lanes, x);
}

/** What op does to a register of sums; `value` is the event's, read by Valued only. */
struct Plus {
  CASC_AVX512 static __m512i apply(__m512i sum, __m512i w, const int32_t*) {
    return _mm512_add_epi32(sum, w);
  }
  CASC_AVX512 static __m512 apply(__m512 sum, __m512 w, const float*) {
    return _mm512_add_ps(sum, w);
  }
};
struct Minus {
  CASC_AVX512 static __m512i apply(__m512i sum, __m512i w, const int32_t*) {
    return _mm512_sub_epi32(sum, w);
  }
  CASC_AVX512 static __m512 apply(__m512 sum, __m512 w, const float*) {
    return _mm512_sub_ps(sum, w);
  }
};
struct Valued {
  CASC_AVX512 static __m512i apply(__m512i sum, __m512i w, const int32_t* value) {
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(*value), w));
  }
  CASC_AVX512 static __m512 apply(__m512 sum, __m512 w, const float* value) {
    return _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(*value), w));
  }
};

/** Events of one pixel and one group: where their weight rows start, and their values. */
template <class N>
struct PixelEvents {
  size_t rows[kTogether];
  const N* values;
  size_t count;
};

/** sums[0 .. 16·R) op= the events' rows */
template <class Op, int R, class W, class N>
CASC_AVX512 inline void addRegisters(N* sums, const W* weights, const PixelEvents<N>& events) {
  decltype(loadSums(sums)) held[R];
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i) held[i] = loadSums(sums + i * kLanes);
  for (size_t e = 0; e < events.count; ++e) {
    const W* row = weights + events.rows[e];
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i)
      held[i] = Op::apply(held[i], loadRow(row + i * kLanes), events.values + e);
  }
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i) store(sums + i * kLanes, held[i]);
}

/** sums[0 .. length) op= the events' rows, for a length below 16. */
template <class Op, class W, class N>
CASC_AVX512 inline void addLanes(N* sums, const W* weights, uint32_t length,
                                 const PixelEvents<N>& events) {
  const __mmask16 lanes = avx512::lanesBelow(length);
  auto held = loadSums(lanes, sums);
  for (size_t e = 0; e < events.count; ++e)
    held = Op::apply(held, loadRow(lanes, weights + events.rows[e]), events.values + e);
  store(lanes, sums, held);
}

template <class Op, class W, class N>
CASC_AVX512 inline void addRows(N* sums, const W* weights, uint32_t length,
                                const PixelEvents<N>& events) {
  for (; length >= 6 * kLanes; length -= 6 * kLanes) {
    addRegisters<Op, 6>(sums, weights, events);
    sums += 6 * kLanes;
    weights += 6 * kLanes;
  }
  const uint32_t registers = length / kLanes;
  switch (registers) {
    case 5:
      addRegisters<Op, 5>(sums, weights, events);
      break;
    case 4:
      addRegisters<Op, 4>(sums, weights, events);
      break;
    case 3:
      addRegisters<Op, 3>(sums, weights, events);
      break;
    case 2:
      addRegisters<Op, 2>(sums, weights, events);
      break;
    case 1:
      addRegisters<Op, 1>(sums, weights, events);
      break;
    default:
      break;
  }
  const uint32_t done = registers * kLanes;
  if (done < length) addLanes<Op>(sums + done, weights + done, length - done, events);
}

template <class Op, class W, class N>
CASC_AVX512 void scatter(const ScatterJob<N>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  PixelEvents<N> together;
  for (size_t e = 0; e < job.count;) {
    const uint32_t x = job.events[e].x;
    const size_t group = job.channelSums ? job.channelSums[job.events[e].c] : 0;
    together.values = job.values ? job.values + e : nullptr;
    together.count = 0;
    do {
      together.rows[together.count++] = job.events[e++].c * job.rowLength;
    } while (e < job.count && job.events[e].x == x && together.count < kTogether &&
             (!job.channelSums || job.channelSums[job.events[e].c] == group));
    const uint32_t end = job.columnBegin[x + 1];
    for (uint32_t r = job.columnBegin[x]; r < end; ++r) {
      const ColumnRun run = job.runs[r];
      for (size_t t = 0; t < job.tapCount; ++t) {
        addRows<Op>(job.sums + job.taps[t].sums + group + run.sums,
                    weights + job.taps[t].weights + run.weights, run.length, together);
      }
    }
  }
}

}  // namespace

const Scatter<int32_t> scatterInt8Avx512{scatter<Plus, int8_t, int32_t>,
                                         scatter<Minus, int8_t, int32_t>,
                                         scatter<Valued, int8_t, int32_t>};
const Scatter<int32_t> scatterInt16Avx512{scatter<Plus, int16_t, int32_t>,
                                          scatter<Minus, int16_t, int32_t>,
                                          scatter<Valued, int16_t, int32_t>};
const Scatter<float> scatterFloat32Avx512{scatter<Plus, float, float>, scatter<Minus, float, float>,
                                          scatter<Valued, float, float>};

}  // namespace casc
#endif
