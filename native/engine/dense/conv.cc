#include "engine/dense/conv.h"

#include <algorithm>
#include <utility>

#include "engine/dense/check.h"

namespace casc::dense {
namespace {

void check(const ConvSpec& spec, const Shape& input, const Shape& output) {
  requireWindow(spec.window, input, output);
  require(input.c % spec.groups == 0 && output.c % spec.groups == 0,
          "groups does not divide the input and output channels");
  // In double: four 31-bit factors overflow 64 bits, and a length that exists is exact.
  const int perGroup = input.c / spec.groups;
  const double expected =
      double(output.c) * perGroup * spec.window.kernel[0] * spec.window.kernel[1];
  require(static_cast<double>(spec.weight.size()) == expected,
          "the length of weight is not M · C/groups · kh · kw");
  const size_t bias = spec.bias.size();
  require(bias == 0 || bias == static_cast<size_t>(output.c) || bias == output.numel(),
          "the length of bias is neither M nor M·H·W");
}

}  // namespace

void fillBias(const Conv& conv, float* output) {
  const std::vector<float>& bias = conv.spec.bias;
  if (conv.hasBiasMap()) {
    std::copy(bias.begin(), bias.end(), output);
    return;
  }
  const size_t plane = conv.output.plane();
  for (size_t m = 0; m < static_cast<size_t>(conv.output.c); ++m) {
    output = std::fill_n(output, plane, bias.empty() ? 0.0f : bias[m]);
  }
}

OpPtr makeConv(ConvSpec&& spec, const Shape& input, const Shape& output,
               const FloatKernels& kernels) {
  check(spec, input, output);
  Conv conv{std::move(spec), input, output, kernels};
  if (output.plane() == 1) return makeDotConv(std::move(conv));
  // With more outputs per group the matrix product's reuse of its panel wins.
  if (conv.groupInputs() == 1 && conv.groupOutputs() < 4) return makeDepthwiseConv(std::move(conv));
  return makeGemmConv(std::move(conv));
}

}  // namespace casc::dense
