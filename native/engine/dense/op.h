// One compiled node: computes its value for one image. Immutable, shared by all workers.
#pragma once

#include <memory>
#include <vector>

#include "engine/dense/spec.h"
#include "kernels/float_kernels.h"

namespace casc::dense {

/** Values have this many readable floats behind them, so that kernels may load whole vectors. */
inline constexpr size_t kSlack = kTileColumns;

/** To whole cache lines, so that what follows is aligned. */
constexpr size_t roundUp(size_t floats) { return (floats + 15) / 16 * 16; }

class Op {
 public:
  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  /** inputs[i] is C×H×W, 64-byte aligned (unless it is the caller's); scratch has scratchFloats().
   */
  virtual void run(const float* const* inputs, float* output, float* scratch) const = 0;

  virtual size_t scratchFloats() const { return 0; }

  /** Whether `output` may be inputs[0] itself. */
  virtual bool worksInPlace() const { return false; }
};

using OpPtr = std::unique_ptr<const Op>;

/** Checks the node and compiles it. Throws Error (ERR_CASC_ARGUMENT). */
OpPtr makeOp(OpSpec&& spec, const std::vector<Shape>& inputs, const Shape& output, Isa isa);

OpPtr makeInput(const InputSpec&, const Shape& output, const FloatKernels&);
OpPtr makeConv(ConvSpec&&, const Shape& input, const Shape& output, const FloatKernels&);
OpPtr makeScale(ScaleSpec&&, const Shape&);
OpPtr makeAdd(size_t terms, const Shape&);
OpPtr makeAvgPool(AvgPoolSpec&&, const Shape& input, const Shape& output);
OpPtr makeMaxPool(const MaxPoolSpec&, const Shape& input, const Shape& output);
OpPtr makeRoute(const RouteSpec&, const std::vector<Shape>& inputs, const Shape& output);
OpPtr makeRelu(const ReluSpec&, const Shape&);
OpPtr makeQuant(const QuantSpec&, const Shape&, const FloatKernels&);
OpPtr makeUnary(const UnarySpec&, const Shape&);
OpPtr makeSoftmax(const SoftmaxSpec&, const Shape&);

}  // namespace casc::dense
