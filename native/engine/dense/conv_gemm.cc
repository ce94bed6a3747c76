#include <algorithm>
#include <utility>

#include "engine/dense/conv.h"
#include "engine/dense/lowering.h"

namespace casc::dense {
namespace {

// A panel of kDepth × 16 floats and a tile's weights fit L1; kPanels of them, and the weights of
// all channels for that depth, fit L2.
constexpr size_t kDepth = 320;
constexpr size_t kPanels = 12;

/** `total` in `ceil(total / most)` parts that differ by at most one. */
std::vector<size_t> evenly(size_t total, size_t most) {
  const size_t parts = (total + most - 1) / most;
  std::vector<size_t> sizes(parts, total / parts);
  for (size_t i = 0; i < total % parts; ++i) ++sizes[i];
  return sizes;
}

class GemmConv final : public Op {
 public:
  explicit GemmConv(Conv&& conv)
      : conv_(std::move(conv)),
        lowering_(conv_.spec.window, conv_.input, conv_.output),
        taps_(lowering_.taps(conv_.groupInputs())),
        panels_(lowering_.panels()),
        depth_(conv_.depth()),
        depths_(evenly(depth_, kDepth)),
        tiles_(evenly(static_cast<size_t>(conv_.groupOutputs()), kTileRows)) {
    packWeights();
    if (conv_.spec.bias.empty()) conv_.spec.bias.assign(static_cast<size_t>(conv_.output.c), 0.0f);
  }

  size_t scratchFloats() const override {
    return lowering_.scratchFloats() + blockPanels() * depths_[0] * kTileColumns;
  }

  void run(const float* const* inputs, float* output, float* scratch) const override {
    if (conv_.hasBiasMap()) fillBias(conv_, output);
    const float* lowered = lowering_.lower(inputs[0], scratch);
    float* block = scratch + lowering_.scratchFloats();
    const size_t groupPlane = lowering_.planeStride() * static_cast<size_t>(conv_.groupInputs());
    for (size_t g = 0; g < static_cast<size_t>(conv_.spec.groups); ++g) {
      group(g, lowered + g * groupPlane, block, output);
    }
  }

 private:
  size_t panelCount() const { return panels_.first.size() - 1; }
  size_t blockPanels() const { return std::min(kPanels, panelCount()); }

  /** The weights in the order in which tiles read them: group, depth block, tile, k, row. */
  void packWeights() {
    std::vector<float> packed;
    packed.reserve(conv_.spec.weight.size() + kTileRows);
    const float* weight = conv_.spec.weight.data();
    for (int g = 0; g < conv_.spec.groups; ++g, weight += groupRows() * depth_) {
      size_t k0 = 0;
      for (size_t count : depths_) {
        size_t row = 0;
        for (size_t rows : tiles_) {
          for (size_t k = k0; k < k0 + count; ++k) {
            for (size_t r = row; r < row + rows; ++r) packed.push_back(weight[r * depth_ + k]);
          }
          row += rows;
        }
        k0 += count;
      }
    }
    packed.resize(packed.size() + kTileRows);  // kernels may read so far
    conv_.spec.weight = std::move(packed);
  }

  size_t groupRows() const { return static_cast<size_t>(conv_.groupOutputs()); }

  void group(size_t g, const float* lowered, float* block, float* output) const {
    const size_t positions = conv_.output.plane();
    const size_t rows = groupRows();
    output += g * rows * positions;
    const float* bias = conv_.hasBiasMap() ? nullptr : conv_.spec.bias.data() + g * rows;
    for (size_t p0 = 0; p0 < panelCount(); p0 += kPanels) {
      const size_t p1 = std::min(p0 + kPanels, panelCount());
      const float* weight = conv_.spec.weight.data() + g * rows * depth_;
      size_t k0 = 0;
      for (size_t depth : depths_) {
        for (size_t p = p0; p < p1; ++p) {
          float* panel = block + (p - p0) * depth * kTileColumns;
          const uint32_t first = panels_.first[p];
          conv_.kernels.pack(lowered, &panels_.runs[first], panels_.first[p + 1] - first,
                             &taps_[k0], depth, panel);
          const size_t j = p * kTileColumns;
          const auto columns = static_cast<int>(std::min<size_t>(kTileColumns, positions - j));
          multiply(weight, panel, depth, k0 == 0 ? bias : nullptr, output + j, columns);
        }
        weight += rows * depth;
        k0 += depth;
      }
    }
  }

  /** All rows of one panel's columns, for one depth block. */
  void multiply(const float* weight, const float* panel, size_t depth, const float* start,
                float* output, int columns) const {
    const size_t positions = conv_.output.plane();
    for (size_t rows : tiles_) {
      conv_.kernels.tile(weight, static_cast<int>(rows), panel, depth, start, output, positions,
                         columns);
      weight += rows * depth;
      output += rows * positions;
      if (start) start += rows;
    }
  }

  Conv conv_;
  Lowering lowering_;
  std::vector<int32_t> taps_;
  Lowering::Panels panels_;
  size_t depth_;
  std::vector<size_t> depths_;
  std::vector<size_t> tiles_;
};

}  // namespace

OpPtr makeGemmConv(Conv&& conv) { return std::make_unique<GemmConv>(std::move(conv)); }

}  // namespace casc::dense
