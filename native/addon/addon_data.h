// State per environment (main thread or worker): no globals, so several environments live side by
// side.
#pragma once

#include <napi.h>

#include "engine/thread_pool.h"
#include "kernels/isa.h"

namespace casc {

struct AddonData {
  Isa isa = Isa::Scalar;
  ThreadPool pool;
  Napi::FunctionReference abortFlag;  // constructor, to check arguments by instanceof
};

inline AddonData& addonData(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

}  // namespace casc
