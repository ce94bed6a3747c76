// A compiled dense network: the nodes as operators, and a place for every value.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/abort.h"
#include "engine/dense/memory.h"
#include "engine/dense/op.h"

namespace casc::dense {

class Plan;

/** One worker's memory: values and scratch in one block, and where each operand lies in it. */
class Workspace {
 public:
  explicit Workspace(const Plan& plan);

 private:
  friend class Plan;
  std::unique_ptr<float[]> memory_;
  float* block_;  // 64-byte aligned
  std::vector<const float*> operands_;
};

class Plan {
 public:
  /** Throws Error (ERR_CASC_ARGUMENT) that names the node. */
  Plan(std::vector<NodeSpec> nodes, std::vector<int> outputs, Isa isa);

  size_t nodeCount() const { return nodes_.size(); }
  size_t numel(size_t node) const { return nodes_[node].numel; }
  const Shape& shape(size_t node) const { return shapes_[node]; }
  /** Nodes that take their value from the caller, in order. */
  const std::vector<size_t>& inputNodes() const { return inputNodes_; }
  const std::vector<size_t>& outputNodes() const { return outputNodes_; }

  /** Marks the nodes that `wanted` nodes are computed from, themselves included. */
  std::vector<uint8_t> needed(const std::vector<size_t>& wanted) const;

  /**
   * Computes the `needed` nodes of one image and calls done(node, value) after each, while the
   * value is there. inputs: one per input node.
   */
  template <class Done>
  void run(const std::vector<const float*>& inputs, const std::vector<uint8_t>& needed,
           Workspace& work, const AbortFlag& abort, Done done) const {
    for (size_t i = 0; i < inputNodes_.size(); ++i) {
      work.operands_[nodes_[inputNodes_[i]].firstOperand] = inputs[i];
    }
    for (size_t n = 0; n < nodes_.size(); ++n) {
      if (!needed[n]) continue;
      throwIfAborted(abort);
      done(n, compute(n, work));
    }
  }

 private:
  friend class Workspace;

  struct Node {
    OpPtr op;
    std::vector<int> inputs;
    size_t numel;
    size_t firstOperand;  // in Workspace::operands_; an input node has one, the caller's array
  };

  void append(NodeSpec&& spec, Isa isa);
  const float* compute(size_t node, Workspace& work) const;

  std::vector<Node> nodes_;
  std::vector<Shape> shapes_;
  std::vector<size_t> inputNodes_;
  std::vector<size_t> outputNodes_;
  size_t operandCount_ = 0;
  MemoryPlan memory_;
  size_t scratch_ = 0;
};

}  // namespace casc::dense
