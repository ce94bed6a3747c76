// Images that stream through a dense plan.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/dense/plan.h"

namespace casc::refit {

struct Batch {
  std::vector<const float*> inputs;  // one per input node, one image after the other
  size_t images = 0;
  size_t first = 0;  // number of the first image in the whole data
};

/** The input nodes' values of one image. */
inline std::vector<const float*> inputsOf(const Batch& batch, size_t image,
                                          const dense::Plan& plan) {
  std::vector<const float*> inputs(batch.inputs);
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] += image * plan.numel(plan.inputNodes()[i]);
  return inputs;
}

}  // namespace casc::refit
