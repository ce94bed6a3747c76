// Reads a DenseDescription (lib/native/types.ts) into plain C++.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/dense/spec.h"

namespace casc {

struct DenseDescription {
  std::vector<dense::NodeSpec> nodes;
  std::vector<int> outputs;
  std::string isa;  // empty: the environment's
};

/** Copies everything. Throws Error (ERR_CASC_ARGUMENT) that names the node and the field. */
DenseDescription readDenseDescription(const Napi::Value& value);

}  // namespace casc
