#include <utility>

#include "engine/dense/conv.h"
#include "engine/dense/lowering.h"

namespace casc::dense {
namespace {

class DepthwiseConv final : public Op {
 public:
  explicit DepthwiseConv(Conv&& conv)
      : conv_(std::move(conv)),
        lowering_(conv_.spec.window, conv_.input, conv_.output),
        taps_(lowering_.taps(1)) {}

  size_t scratchFloats() const override { return lowering_.scratchFloats(); }

  void run(const float* const* inputs, float* output, float* scratch) const override {
    fillBias(conv_, output);
    const float* lowered = lowering_.lower(inputs[0], scratch);
    const float* weight = conv_.spec.weight.data();
    const int perGroup = conv_.groupOutputs();
    const auto width = static_cast<size_t>(conv_.output.w);
    for (int m = 0; m < conv_.output.c; ++m, weight += taps_.size()) {
      const float* plane = lowered + static_cast<size_t>(m / perGroup) * lowering_.planeStride();
      for (int y = 0; y < conv_.output.h; ++y, output += width) {
        conv_.kernels.depthwise(plane + lowering_.rowOffset(y), taps_.data(), weight, taps_.size(),
                                output, width);
      }
    }
  }

 private:
  Conv conv_;
  Lowering lowering_;
  std::vector<int32_t> taps_;
};

}  // namespace

OpPtr makeDepthwiseConv(Conv&& conv) { return std::make_unique<DepthwiseConv>(std::move(conv)); }

}  // namespace casc::dense
