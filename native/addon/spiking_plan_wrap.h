// `SpikingPlan` of lib/native/types.ts.
#pragma once

#include <napi.h>

namespace casc {

Napi::Function defineSpikingPlan(Napi::Env env);

}  // namespace casc
