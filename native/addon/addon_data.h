// State per environment (main thread or worker): no globals, so several environments live side by
// side.
#pragma once

#include <napi.h>

#include <map>

#include "engine/spiking/cost_model.h"
#include "engine/thread_pool.h"
#include "kernels/isa.h"

namespace casc {

class AddonData {
 public:
  Isa isa = Isa::Scalar;
  ThreadPool pool;
  Napi::FunctionReference abortFlag;  // constructor, to check arguments by instanceof

  /** Measured when an instruction set is first used. */
  const spiking::CostModel& costs(Isa isaUsed) {
    auto found = costs_.find(isaUsed);
    if (found == costs_.end())
      found = costs_.emplace(isaUsed, spiking::measureCosts(kernelsOf(isaUsed))).first;
    return found->second;
  }

 private:
  std::map<Isa, spiking::CostModel> costs_;
};

inline AddonData& addonData(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

}  // namespace casc
