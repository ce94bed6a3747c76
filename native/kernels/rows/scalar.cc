// The specification of the row kernel.
#include "kernels/rows/rows.h"

namespace casc {
namespace {

constexpr size_t kLanes = 16;

void addRows(const RowJob& job) {
  for (size_t p = 0; p < job.pixelCount; ++p) {
    const RowPixel pixel = job.pixels[p];
    for (size_t e = 0; e < pixel.count; ++e) {
      const int8_t* weights = job.weights + job.codes[pixel.first + e] * job.vectors * kLanes;
      for (size_t v = 0; v < job.vectors; ++v) {
        int16_t* sums = job.sums + pixel.target + job.targets[v];
        for (size_t j = 0; j < kLanes; ++j)
          sums[j] = static_cast<int16_t>(sums[j] + weights[v * kLanes + j]);
      }
    }
  }
}

}  // namespace

const RowKernel rowKernelScalar{addRows, kLanes};

void collectCodesScalar(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                        uint32_t* begin) {
  for (size_t x = 0; x < w; ++x, row += c) {
    begin[x] = count;
    for (size_t channel = 0; channel < c; ++channel)
      if (row[channel])
        codes[count++] = static_cast<uint16_t>(channel + (row[channel] < 0 ? c : 0));
  }
  begin[w] = count;
}

}  // namespace casc
