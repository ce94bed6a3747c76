#include <utility>

#include "engine/dense/conv.h"
#include "engine/dense/lowering.h"

namespace casc::dense {
namespace {

class DotConv final : public Op {
 public:
  explicit DotConv(Conv&& conv)
      : conv_(std::move(conv)),
        lowering_(conv_.spec.window, conv_.input, conv_.output),
        taps_(lowering_.taps(conv_.input.c)) {
    // A kernel as large as the input, without pads, reads it in order.
    direct_ = lowering_.scratchFloats() == 0 && taps_.size() == conv_.input.numel();
  }

  size_t scratchFloats() const override {
    return direct_ ? 0 : lowering_.scratchFloats() + taps_.size();
  }

  void run(const float* const* inputs, float* output, float* scratch) const override {
    fillBias(conv_, output);
    const float* x = inputs[0];
    if (!direct_) {
      const float* lowered = lowering_.lower(x, scratch);
      float* column = scratch + lowering_.scratchFloats();
      for (size_t k = 0; k < taps_.size(); ++k) column[k] = lowered[taps_[k]];
      x = column;
    }
    const auto rows = static_cast<size_t>(conv_.groupOutputs());
    const float* weight = conv_.spec.weight.data();
    for (int g = 0; g < conv_.spec.groups; ++g) {
      conv_.kernels.dot(weight, rows, conv_.depth(), x, output);
      weight += rows * conv_.depth();
      x += conv_.depth();
      output += rows;
    }
  }

 private:
  Conv conv_;
  Lowering lowering_;
  std::vector<int32_t> taps_;
  bool direct_;
};

}  // namespace

OpPtr makeDotConv(Conv&& conv) { return std::make_unique<DotConv>(std::move(conv)); }

}  // namespace casc::dense
