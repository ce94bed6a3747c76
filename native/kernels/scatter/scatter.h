// The scatter kernel: a spike adds one weight row to the sums (membranes) it reaches. All geometry
// is in tables, so that one loop serves every stride, dilation, padding and number of groups.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/events/events.h"

namespace casc {

/** Adjacent taps of one input column that reach adjacent output columns: one contiguous addition.
 * Offsets and length in elements. */
struct ColumnRun {
  uint32_t sums;     // from the start of an output row
  uint32_t weights;  // from the start of a weight row
  uint32_t length;
};

/** An output row that an input row reaches, and through which kernel row. Offsets in elements. */
struct RowTap {
  size_t sums;     // from the start of the plane of sums
  size_t weights;  // from the start of the weights
};

/**
 * Events of one input row. Weights are [ky][cin][taps in x][cout / groups] of int8_t, int16_t or
 * float; sums are [h][w][cout], int32_t or float.
 */
template <class N>
struct ScatterJob {
  const Event* events = nullptr;
  const N* values = nullptr;  // one per event, only for `valued`
  size_t count = 0;
  const uint32_t* columnBegin = nullptr;  // runs of column x: [columnBegin[x], columnBegin[x + 1])
  const ColumnRun* runs = nullptr;
  const RowTap* taps = nullptr;
  size_t tapCount = 0;
  const uint32_t* channelSums = nullptr;  // first output of the channel's group; null: one group
  size_t rowLength = 0;                   // elements of one input channel's weight row
  const void* weights = nullptr;
  N* sums = nullptr;
};

/** The three ways an event adds: sums += w, sums −= w, sums += value·w (no fused multiply-add). */
template <class N>
struct Scatter {
  void (*plus)(const ScatterJob<N>&);
  void (*minus)(const ScatterJob<N>&);
  void (*valued)(const ScatterJob<N>&);
};

extern const Scatter<int32_t> scatterInt8Scalar;
extern const Scatter<int32_t> scatterInt16Scalar;
extern const Scatter<float> scatterFloat32Scalar;
extern const Scatter<int32_t> scatterInt8Avx2;
extern const Scatter<int32_t> scatterInt16Avx2;
extern const Scatter<float> scatterFloat32Avx2;
extern const Scatter<int32_t> scatterInt8Avx512;
extern const Scatter<int32_t> scatterInt16Avx512;
extern const Scatter<float> scatterFloat32Avx512;

}  // namespace casc
