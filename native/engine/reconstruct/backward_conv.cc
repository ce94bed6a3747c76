// The input's gradient is a convolution of the output's with the weights turned round, over a plane
// that strides have spread and pads have moved. The weights' gradient is a correlation of the
// output's with what each tap sees of the input.
#include <algorithm>

#include "engine/dense/lowering.h"
#include "engine/dense/op.h"
#include "engine/reconstruct/backward.h"

namespace casc::reconstruct {
namespace {

using dense::ConvSpec;
using dense::kSlack;
using dense::roundUp;
using dense::Shape;

/** [C, M/groups, kh, kw], taps from last to first. */
std::vector<float> turned(const ConvSpec& spec, const Shape& input, const Shape& output) {
  const auto groups = static_cast<size_t>(spec.groups);
  const size_t ins = static_cast<size_t>(input.c) / groups;
  const size_t outs = static_cast<size_t>(output.c) / groups;
  const size_t taps =
      static_cast<size_t>(spec.window.kernel[0]) * static_cast<size_t>(spec.window.kernel[1]);
  std::vector<float> result(spec.weight.size());
  float* to = result.data();
  for (size_t g = 0; g < groups; ++g) {
    for (size_t c = 0; c < ins; ++c) {
      for (size_t m = 0; m < outs; ++m) {
        const float* from = spec.weight.data() + ((g * outs + m) * ins + c) * taps;
        for (size_t t = taps; t-- > 0;) *to++ = from[t];
      }
    }
  }
  return result;
}

class ConvBackward final : public Backward {
 public:
  ConvBackward(const ConvSpec& spec, const Shape& input, const Shape& output, bool wantsInput,
               Isa isa)
      : kernels_(floatKernels(isa)),
        window_(spec.window),
        groups_(static_cast<size_t>(spec.groups)),
        input_(input),
        output_(output),
        biasMap_(spec.bias.size() == output.numel()),
        lowering_(spec.window, input, output),
        taps_(lowering_.taps(input.c / spec.groups)),
        rowStep_(lowering_.rowOffset(1)),
        length_(static_cast<size_t>(output.h - 1) * rowStep_ + static_cast<size_t>(output.w)) {
    if (wantsInput) makeTranspose(spec, isa);
  }

  size_t scratchFloats() const override {
    size_t back = 0;
    if (transpose_) {
      back = roundUp(expanded_.numel() + kSlack) + roundUp(input_.numel() + kSlack) +
             roundUp(transpose_->scratchFloats());
    }
    return std::max(lowering_.scratchFloats() + spreadFloats(), back);
  }

  void run(const Pass& pass) const override {
    weights(pass);
    biases(pass);
    if (pass.inputGradients[0]) inputs(pass);
  }

 private:
  void makeTranspose(const ConvSpec& spec, Isa isa) {
    const auto& [kernel, strides, pads, dilations] = window_;
    expanded_ = {output_.c, input_.h + dilations[0] * (kernel[0] - 1),
                 input_.w + dilations[1] * (kernel[1] - 1)};
    ConvSpec back{
        turned(spec, input_, output_), {}, {kernel, {1, 1}, {0, 0, 0, 0}, dilations}, spec.groups};
    transpose_ = dense::makeOp(std::move(back), {expanded_}, input_, isa);
  }

  bool isSpread() const { return rowStep_ != static_cast<size_t>(output_.w); }
  size_t spreadStep() const { return roundUp(length_); }
  size_t spreadFloats() const {
    return isSpread() ? spreadStep() * static_cast<size_t>(output_.c) : 0;
  }

  /** Rows of the gradient at the distance that rows of the lowered input have. */
  const float* spread(const float* gradient, float* to) const {
    if (!isSpread()) return gradient;
    std::fill_n(to, spreadFloats(), 0.0f);
    const auto width = static_cast<size_t>(output_.w);
    for (int c = 0; c < output_.c; ++c, to += spreadStep()) {
      for (int y = 0; y < output_.h; ++y, gradient += width) {
        std::copy_n(gradient, width, to + lowering_.rowOffset(y));
      }
    }
    return to - spreadFloats();
  }

  void weights(const Pass& pass) const {
    const float* lowered = lowering_.lower(pass.inputs[0], pass.scratch);
    const float* rows = spread(pass.gradient, pass.scratch + lowering_.scratchFloats());
    const size_t step = isSpread() ? spreadStep() : output_.plane();
    const size_t outs = static_cast<size_t>(output_.c) / groups_;
    const size_t groupPlane = lowering_.planeStride() * (static_cast<size_t>(input_.c) / groups_);
    const Correlation job{outs, step, taps_.data(), taps_.size(), length_};
    for (size_t g = 0; g < groups_; ++g) {
      kernels_.correlate(job, rows + g * outs * step, lowered + g * groupPlane,
                         pass.parameterGradient + g * outs * taps_.size());
    }
  }

  void biases(const Pass& pass) const {
    float* to = pass.parameterGradient + static_cast<size_t>(output_.c) * taps_.size();
    const float* g = pass.gradient;
    if (biasMap_) {
      for (size_t i = 0; i < output_.numel(); ++i) to[i] += g[i];
      return;
    }
    constexpr size_t kLanes = 16;
    for (int m = 0; m < output_.c; ++m, g += output_.plane()) {
      float sum[kLanes] = {};
      for (size_t i = 0; i < output_.plane(); ++i) sum[i % kLanes] += g[i];
      for (const float part : sum) to[m] += part;
    }
  }

  /** Offset of output row or column 0 in the expanded plane; negative where pads exceed the
   * kernel. */
  int lead(size_t axis) const {
    return window_.dilations[axis] * (window_.kernel[axis] - 1) - window_.pads[axis];
  }

  const float* expand(const float* gradient, float* to) const {
    const bool same = expanded_ == output_ && lead(0) == 0 && lead(1) == 0;
    if (same && window_.strides[0] == 1 && window_.strides[1] == 1) return gradient;
    std::fill_n(to, expanded_.numel(), 0.0f);
    const int left = lead(1), stride = window_.strides[1];
    int begin = 0, end = output_.w;
    while (begin < end && begin * stride + left < 0) ++begin;
    while (end > begin && (end - 1) * stride + left >= expanded_.w) --end;
    float* plane = to;
    for (int c = 0; c < output_.c; ++c, plane += expanded_.plane()) {
      for (int y = 0; y < output_.h; ++y, gradient += output_.w) {
        const int row = y * window_.strides[0] + lead(0);
        if (row < 0 || row >= expanded_.h) continue;
        float* line = plane + static_cast<size_t>(row) * static_cast<size_t>(expanded_.w);
        for (int x = begin; x < end; ++x) line[x * stride + left] = gradient[x];
      }
    }
    return to;
  }

  void inputs(const Pass& pass) const {
    float* const own = pass.scratch + roundUp(expanded_.numel() + kSlack);
    float* const rest = own + roundUp(input_.numel() + kSlack);
    const float* expanded = expand(pass.gradient, pass.scratch);
    transpose_->run(&expanded, own, rest);
    float* to = pass.inputGradients[0];
    for (size_t i = 0; i < input_.numel(); ++i) to[i] += own[i];
  }

  const FloatKernels& kernels_;
  const dense::Window window_;
  const size_t groups_;
  const Shape input_, output_;
  const bool biasMap_;
  const dense::Lowering lowering_;
  const std::vector<int32_t> taps_;
  const size_t rowStep_;
  const size_t length_;  // from the first to the last position of the lowered input
  Shape expanded_;
  dense::OpPtr transpose_;
};

}  // namespace

BackwardPtr makeConvBackward(const ConvSpec& spec, const Shape& input, const Shape& output,
                             bool wantsInput, Isa isa) {
  return std::make_unique<ConvBackward>(spec, input, output, wantsInput, isa);
}

}  // namespace casc::reconstruct
