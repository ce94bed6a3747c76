// `Synapses` and `roofs` of lib/native/types.ts: one convolution alone, for study and benchmarks.
#pragma once

#include <napi.h>

namespace casc {

Napi::Function defineSynapses(Napi::Env env);

/** roofs(isa, seconds) */
Napi::Value roofs(const Napi::CallbackInfo& info);

}  // namespace casc
