// The three ways to compute a convolution; conv.cc picks one.
#pragma once

#include "engine/dense/op.h"

namespace casc::dense {

/** A convolution whose description has been checked. */
struct Conv {
  ConvSpec spec;
  Shape input;
  Shape output;
  const FloatKernels& kernels;

  int groupInputs() const { return input.c / spec.groups; }
  int groupOutputs() const { return output.c / spec.groups; }
  /** Weights of one output channel. */
  size_t depth() const { return spec.weight.size() / static_cast<size_t>(output.c); }
  bool hasBiasMap() const { return spec.bias.size() > static_cast<size_t>(output.c); }
};

/** Sets the output to its bias (or zero), for kernels that add to it. */
void fillBias(const Conv& conv, float* output);

/** Matrix product over panels of output positions. */
OpPtr makeGemmConv(Conv&& conv);

/** One output position: a matrix times a vector, weights as they are. */
OpPtr makeDotConv(Conv&& conv);

/** One input channel per group and few output channels: rows, directly. */
OpPtr makeDepthwiseConv(Conv&& conv);

}  // namespace casc::dense
