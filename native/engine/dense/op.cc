#include "engine/dense/op.h"

#include <utility>

#include "engine/dense/check.h"

namespace casc::dense {
namespace {

struct Maker {
  const std::vector<Shape>& inputs;
  const Shape& output;
  const FloatKernels& kernels;

  OpPtr operator()(InputSpec&& spec) const {
    require(inputs.empty(), "an input node has no inputs");
    return makeInput(spec, output, kernels);
  }
  OpPtr operator()(ConvSpec&& spec) const {
    return makeConv(std::move(spec), onlyInput(), output, kernels);
  }
  OpPtr operator()(ScaleSpec&& spec) const {
    requireSameShape(inputs, output);
    return makeScale(std::move(spec), output);
  }
  OpPtr operator()(AddSpec&&) const {
    require(inputs.size() >= 2, "expected two or more inputs");
    requireSameShape(inputs, output, inputs.size());
    return makeAdd(inputs.size(), output);
  }
  OpPtr operator()(AvgPoolSpec&& spec) const {
    return makeAvgPool(std::move(spec), onlyInput(), output);
  }
  OpPtr operator()(MaxPoolSpec&& spec) const { return makeMaxPool(spec, onlyInput(), output); }
  OpPtr operator()(RouteSpec&& spec) const {
    require(!inputs.empty(), "expected at least one input");
    return makeRoute(spec, inputs, output);
  }
  OpPtr operator()(ReluSpec&& spec) const {
    requireSameShape(inputs, output);
    return makeRelu(spec, output);
  }
  OpPtr operator()(QuantSpec&& spec) const {
    requireSameShape(inputs, output);
    return makeQuant(spec, output, kernels);
  }
  OpPtr operator()(UnarySpec&& spec) const {
    requireLength("the input", onlyInput().numel(), output.numel());
    return makeUnary(spec, output);
  }
  OpPtr operator()(SoftmaxSpec&& spec) const {
    requireLength("the input", onlyInput().numel(), output.numel());
    return makeSoftmax(spec, output);
  }

 private:
  const Shape& onlyInput() const {
    require(inputs.size() == 1, "expected one input");
    return inputs[0];
  }
};

}  // namespace

OpPtr makeOp(OpSpec&& spec, const std::vector<Shape>& inputs, const Shape& output, Isa isa) {
  return std::visit(Maker{inputs, output, floatKernels(isa)}, std::move(spec));
}

}  // namespace casc::dense
