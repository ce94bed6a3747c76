#include "engine/dense/plan.h"

#include <algorithm>
#include <utility>

#include "engine/dense/check.h"

namespace casc::dense {

Workspace::Workspace(const Plan& plan) : operands_(plan.operandCount_) {
  // Not cleared: what nobody has written is read at most as vector lanes that are thrown away.
  constexpr size_t kAlign = 64;
  const size_t floats = plan.memory_.total + plan.scratch_;
  size_t space = floats * sizeof(float) + kAlign;
  memory_ = std::make_unique_for_overwrite<float[]>(space / sizeof(float));
  void* start = memory_.get();
  block_ = static_cast<float*>(std::align(kAlign, floats * sizeof(float), start, space));
  for (const auto& node : plan.nodes_) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto input = static_cast<size_t>(node.inputs[i]);
      operands_[node.firstOperand + i] = block_ + plan.memory_.offsets[input];
    }
  }
}

Plan::Plan(std::vector<NodeSpec> nodes, std::vector<int> outputs, Isa isa) {
  require(!nodes.empty(), "expected at least one node");
  for (NodeSpec& node : nodes) {
    const std::string name = node.name;
    try {
      append(std::move(node), isa);
    } catch (const Error& error) {
      throw Error(error.code, "node \"" + name + "\": " + error.what());
    }
  }
  for (int output : outputs) {
    require(output >= 0 && static_cast<size_t>(output) < nodes_.size(),
            "an output is not the index of a node");
    outputNodes_.push_back(static_cast<size_t>(output));
  }
  std::vector<ValueSpan> spans;
  for (const Node& node : nodes_) {
    spans.push_back({roundUp(node.numel + kSlack), node.inputs, node.op->worksInPlace()});
  }
  memory_ = planMemory(spans);
}

void Plan::append(NodeSpec&& spec, Isa isa) {
  std::vector<Shape> inputs;
  for (int input : spec.inputs) {
    require(input >= 0 && static_cast<size_t>(input) < nodes_.size(),
            "an input is not the index of an earlier node");
    inputs.push_back(shapes_[static_cast<size_t>(input)]);
  }
  const bool isInput = std::holds_alternative<InputSpec>(spec.op);
  OpPtr op = makeOp(std::move(spec.op), inputs, spec.shape, isa);
  scratch_ = std::max(scratch_, roundUp(op->scratchFloats()));
  if (isInput) inputNodes_.push_back(nodes_.size());
  const size_t operands = isInput ? 1 : spec.inputs.size();
  nodes_.push_back({std::move(op), std::move(spec.inputs), spec.shape.numel(), operandCount_});
  operandCount_ += operands;
  shapes_.push_back(spec.shape);
}

std::vector<uint8_t> Plan::needed(const std::vector<size_t>& wanted) const {
  std::vector<uint8_t> mark(nodes_.size(), 0);
  for (size_t node : wanted) mark[node] = 1;
  for (size_t n = nodes_.size(); n-- > 0;) {
    if (!mark[n]) continue;
    for (int input : nodes_[n].inputs) mark[static_cast<size_t>(input)] = 1;
  }
  return mark;
}

const float* Plan::compute(size_t n, Workspace& work) const {
  const Node& node = nodes_[n];
  float* output = work.block_ + memory_.offsets[n];
  node.op->run(&work.operands_[node.firstOperand], output, work.block_ + memory_.total);
  return output;
}

}  // namespace casc::dense
