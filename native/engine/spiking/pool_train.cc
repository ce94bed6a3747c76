#include "engine/spiking/pool_train.h"

#include <algorithm>
#include <cstring>

namespace casc::spiking {
namespace {

constexpr size_t kBandBytes = 256 * 1024;

}  // namespace

size_t BandPool::bandRows(const Shape& in, const Shape& out, const Window& window) {
  const size_t row = in.row() * size_t(window.strides[0]) + out.row();
  return std::clamp<size_t>(kBandBytes / std::max<size_t>(1, row), 1, size_t(out.h));
}

void BandPool::run(const ByteKernels& bytes, const Shape& in, const Shape& out,
                   const Window& window, RowRange band, const std::vector<PoolStep>& steps) {
  const int64_t top = int64_t(band.from) * window.strides[0] - window.pads[0];
  const int64_t reach = int64_t(window.kernel[0] - 1) * window.dilations[0];
  const int64_t bottom = int64_t(band.to - 1) * window.strides[0] - window.pads[0] + reach + 1;
  const auto first = size_t(std::clamp<int64_t>(top, 0, in.h));
  const auto end = size_t(std::clamp<int64_t>(bottom, int64_t(first), in.h));
  const size_t inRow = in.row(), outRow = out.row();
  const PoolAxis axis = columnsOf(in, out, window);
  sums_.resize((end - first) * inRow);
  held_.resize(band.count() * outRow);
  columns_.resize(inRow);
  maxima_.resize(outRow);
  std::fill(sums_.begin(), sums_.end(), int8_t{0});
  std::fill(held_.begin(), held_.end(), int8_t{0});
  for (const PoolStep& step : steps) {
    const Plane& from = *step.from;
    for (size_t y = first; y < end; ++y) {
      if (from.events[y])
        bytes.add(sums_.data() + (y - first) * inRow, from.as<int8_t>() + y * inRow, inRow);
    }
    for (size_t oy = band.from; oy < band.to; ++oy) {
      int8_t* to = step.out->as<int8_t>() + oy * outRow;
      bool reached = false;
      for (int64_t ky = 0; ky < window.kernel[0]; ++ky) {
        const int64_t y =
            int64_t(oy) * window.strides[0] - window.pads[0] + ky * window.dilations[0];
        if (y >= 0 && y < in.h && from.events[size_t(y)]) reached = true;
      }
      step.out->events[oy] = 0;
      if (!reached) {
        std::memset(to, 0, outRow);
        continue;
      }
      // A row was reached, so there is one.
      maxOverRows(
          bytes, in, window, oy, [&](size_t y) { return sums_.data() + (y - first) * inRow; },
          columns_.data());
      bytes.maxPixels(maxima_.data(), columns_.data(), size_t(out.c), axis);
      step.out->events[oy] =
          bytes.change(to, held_.data() + (oy - band.from) * outRow, maxima_.data(), outRow);
    }
  }
}

}  // namespace casc::spiking
