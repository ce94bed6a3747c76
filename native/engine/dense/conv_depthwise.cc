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
        taps_(lowering_.taps(1)),
        plane_{taps_.data(), taps_.size(), lowering_.rowOffset(1),
               static_cast<size_t>(conv_.output.h), static_cast<size_t>(conv_.output.w)},
        hasBiasMap_(conv_.hasBiasMap()) {
    std::vector<float>& bias = conv_.spec.bias;
    if (bias.empty()) bias.assign(static_cast<size_t>(conv_.output.c), 0.0f);
    bias.resize(bias.size() + kSlack);
  }

  size_t scratchFloats() const override { return lowering_.scratchFloats(); }

  void run(const float* const* inputs, float* output, float* scratch) const override {
    const float* lowered = lowering_.lower(inputs[0], scratch);
    const float* weight = conv_.spec.weight.data();
    const float* bias = conv_.spec.bias.data();
    const auto perGroup = static_cast<size_t>(conv_.groupOutputs());
    const size_t plane = conv_.output.plane();
    for (size_t m = 0; m < static_cast<size_t>(conv_.output.c); ++m) {
      conv_.kernels.depthwise(plane_, lowered + m / perGroup * lowering_.planeStride(),
                              weight + m * taps_.size(), hasBiasMap_ ? 0.0f : bias[m],
                              hasBiasMap_ ? bias + m * plane : nullptr, output + m * plane);
    }
  }

 private:
  Conv conv_;
  Lowering lowering_;
  std::vector<int32_t> taps_;
  DepthwisePlane plane_;
  bool hasBiasMap_;
};

}  // namespace

OpPtr makeDepthwiseConv(Conv&& conv) { return std::make_unique<DepthwiseConv>(std::move(conv)); }

}  // namespace casc::dense
