#include "engine/dense/lowering.h"

#include <algorithm>
#include <limits>

#include "engine/dense/check.h"
#include "engine/dense/op.h"

namespace casc::dense {
namespace {

/** to[i] = from[i · step]. */
void takeEvery(size_t step, const float* __restrict from, size_t count, float* __restrict to) {
  if (step == 1) {
    std::copy_n(from, count, to);
  } else if (step == 2) {  // a constant, so that the compiler can use shuffles
    for (size_t i = 0; i < count; ++i) to[i] = from[2 * i];
  } else {
    for (size_t i = 0; i < count; ++i) to[i] = from[i * step];
  }
}

}  // namespace

Lowering::Lowering(const Window& window, const Shape& input, const Shape& output)
    : window_(window), input_(input), output_(output) {
  const auto [top, left, bottom, right] = window.pads;
  const auto phases = static_cast<size_t>(window.strides[1]);
  copies_ = phases > 1 || top != 0 || left != 0 || bottom != 0 || right != 0;
  const size_t width = static_cast<size_t>(input.w) + left + right;
  const size_t height = static_cast<size_t>(input.h) + top + bottom;
  phaseWidth_ = (width + phases - 1) / phases;
  rowWidth_ = phaseWidth_ * phases;
  rowStep_ = rowWidth_ * static_cast<size_t>(window.strides[0]);
  planeStride_ = rowWidth_ * height;
  constexpr size_t kMost = std::numeric_limits<int32_t>::max() - kSlack;
  require(planeStride_ <= kMost / static_cast<size_t>(input.c), "the padded input is too large");
}

size_t Lowering::scratchFloats() const {
  return copies_ ? roundUp(planeStride_ * static_cast<size_t>(input_.c) + kSlack) : 0;
}

void Lowering::copyRow(const float* from, float* to) const {
  const auto phases = static_cast<size_t>(window_.strides[1]);
  const auto left = static_cast<size_t>(window_.pads[1]);
  const auto width = static_cast<size_t>(input_.w);
  for (size_t phase = 0; phase < phases; ++phase, to += phaseWidth_) {
    // Column x of the input is column x + left of the padded row, which must be of this phase.
    const size_t skip = (phase + phases - left % phases) % phases;
    if (skip >= width) continue;
    const size_t count = (width - skip - 1) / phases + 1;
    takeEvery(phases, from + skip, count, to + (skip + left) / phases);
  }
}

const float* Lowering::lower(const float* x, float* scratch) const {
  if (!copies_) return x;
  std::fill_n(scratch, planeStride_ * static_cast<size_t>(input_.c), 0.0f);
  for (int c = 0; c < input_.c; ++c) {
    float* row = scratch + static_cast<size_t>(c) * planeStride_ +
                 static_cast<size_t>(window_.pads[0]) * rowWidth_;
    for (int y = 0; y < input_.h; ++y, x += input_.w, row += rowWidth_) copyRow(x, row);
  }
  return scratch;
}

std::vector<int32_t> Lowering::taps(int channels) const {
  const auto phases = static_cast<size_t>(window_.strides[1]);
  std::vector<int32_t> offsets;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    for (int i = 0; i < window_.kernel[0]; ++i) {
      const size_t row =
          c * planeStride_ + static_cast<size_t>(i) * window_.dilations[0] * rowWidth_;
      for (int j = 0; j < window_.kernel[1]; ++j) {
        const size_t x = static_cast<size_t>(j) * window_.dilations[1];
        offsets.push_back(static_cast<int32_t>(row + x % phases * phaseWidth_ + x / phases));
      }
    }
  }
  return offsets;
}

Lowering::Panels Lowering::panels() const {
  Panels panels;
  const size_t positions = output_.plane();
  const auto width = static_cast<size_t>(output_.w);
  for (size_t start = 0; start < positions; start += kTileColumns) {
    const size_t first = panels.runs.size();
    panels.first.push_back(static_cast<uint32_t>(first));
    const size_t lanes = std::min<size_t>(kTileColumns, positions - start);
    for (size_t lane = 0; lane < lanes;) {
      const size_t x = (start + lane) % width;
      const size_t end = std::min(lanes, lane + width - x);
      // Never negative: a row of the padded plane is at least as wide as one of the output.
      const auto offset = static_cast<int32_t>((start + lane) / width * rowStep_ + x - lane);
      if (panels.runs.size() > first && panels.runs.back().offset == offset) {
        panels.runs.back().end = static_cast<uint8_t>(end);
      } else {
        panels.runs.push_back({offset, static_cast<uint8_t>(lane), static_cast<uint8_t>(end)});
      }
      lane = end;
    }
  }
  panels.first.push_back(static_cast<uint32_t>(panels.runs.size()));
  return panels;
}

}  // namespace casc::dense
