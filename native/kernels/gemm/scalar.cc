#include <algorithm>

#include "kernels/gemm/gemm.h"

namespace casc::scalar {
namespace {

// R × 16 sums; two rows are what sixteen baseline SSE registers hold.
template <int R>
void rows(const float* a, size_t aStride, const float* panel, size_t depth, const float* start,
          float* c, size_t stride, int columns) {
  float sum[R][kTileColumns] = {};
  for (int r = 0; r < R; ++r) {
    if (start) std::fill_n(sum[r], kTileColumns, start[r]);
    if (!start) std::copy_n(c + r * stride, columns, sum[r]);
  }
  for (size_t k = 0; k < depth; ++k, a += aStride, panel += kTileColumns) {
    for (int r = 0; r < R; ++r) {
      for (int j = 0; j < kTileColumns; ++j) sum[r][j] += a[r] * panel[j];
    }
  }
  for (int r = 0; r < R; ++r) std::copy_n(sum[r], columns, c + r * stride);
}

}  // namespace

void pack(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
          size_t depth, float* panel) {
  for (size_t k = 0; k < depth; ++k, panel += kTileColumns) {
    std::fill_n(panel, kTileColumns, 0.0f);
    for (size_t i = 0; i < runCount; ++i) {
      const PanelRun& run = runs[i];
      const float* from = source + taps[k] + run.offset;
      std::copy(from + run.begin, from + run.end, panel + run.begin);
    }
  }
}

void tile(const float* a, int rowCount, const float* panel, size_t depth, const float* start,
          float* c, size_t stride, int columns) {
  const auto step = static_cast<size_t>(rowCount);
  int r = 0;
  for (; r + 2 <= rowCount; r += 2) {
    rows<2>(a + r, step, panel, depth, start ? start + r : nullptr, c + r * stride, stride,
            columns);
  }
  if (r < rowCount) {
    rows<1>(a + r, step, panel, depth, start ? start + r : nullptr, c + r * stride, stride,
            columns);
  }
}

void dot(const float* weight, size_t rowCount, size_t depth, const float* x, float* y) {
  constexpr size_t kLanes = 8;  // independent sums, which the compiler may hold in vectors
  for (size_t r = 0; r < rowCount; ++r, weight += depth) {
    float sum[kLanes] = {};
    size_t k = 0;
    for (; k + kLanes <= depth; k += kLanes) {
      for (size_t l = 0; l < kLanes; ++l) sum[l] += weight[k + l] * x[k + l];
    }
    for (; k < depth; ++k) sum[k % kLanes] += weight[k] * x[k];
    for (size_t l = 1; l < kLanes; ++l) sum[0] += sum[l];
    y[r] += sum[0];
  }
}

}  // namespace casc::scalar
