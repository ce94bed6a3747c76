// The way back through one node: what its inputs and its parameters get of the gradient of its
// value. Immutable, shared by all workers.
#pragma once

#include <memory>
#include <vector>

#include "engine/dense/spec.h"
#include "kernels/float_kernels.h"

namespace casc::reconstruct {

/** One image's way through a node. Values are C×H×W. */
struct Pass {
  const float* const* inputs;
  const float* output;
  const float* gradient;         // of the output
  float* const* inputGradients;  // added to; null where none is wanted
  float* parameterGradient;      // added to; null where the node has no parameters
  float* scratch;                // scratchFloats()
};

class Backward {
 public:
  Backward() = default;
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;
  virtual ~Backward() = default;

  virtual void run(const Pass& pass) const = 0;
  virtual size_t scratchFloats() const { return 0; }
};

using BackwardPtr = std::unique_ptr<const Backward>;

/** Parameters: weight [M, C/groups, kh, kw], then bias (M or M·H·W). `wantsInput`: is the input's
 * gradient ever asked for? */
BackwardPtr makeConvBackward(const dense::ConvSpec& spec, const dense::Shape& input,
                             const dense::Shape& output, bool wantsInput, Isa isa);

/**
 * Straight through the floor: 1 where the level before clipping is from 0 to Q. Parameters: the
 * logarithm of each step, whose gradient is that of the rounding error (LSQ), and Q steps above the
 * clip value. `smooth` is for checks of gradients: the activation is clip(x, 0, λ) without a floor.
 */
BackwardPtr makeQuantBackward(const dense::QuantSpec& spec, const dense::Shape& shape, bool smooth,
                              Isa isa);

/** Any other linear node, pool, route or ReLU. Throws Error (ERR_CASC_ARGUMENT) for the rest. */
BackwardPtr makeBackward(const dense::OpSpec& spec, const std::vector<dense::Shape>& inputs,
                         const dense::Shape& output);

}  // namespace casc::reconstruct
