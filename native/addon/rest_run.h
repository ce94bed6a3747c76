// SpikingPlan.rest: a batch answered by the oracle alone.
#pragma once

#include <napi.h>

#include <memory>

#include "engine/spiking/spiking_plan.h"

namespace casc {

/** Arguments as of NativeSpikingPlan.rest in lib/native/types.ts. Throws Error. */
Napi::Promise startRest(std::shared_ptr<const spiking::SpikingPlan> plan,
                        const Napi::CallbackInfo& info);

}  // namespace casc
