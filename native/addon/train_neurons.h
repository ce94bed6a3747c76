// `trainNeurons` of lib/native/types.ts: many steps of one population, for study and benchmarks.
#pragma once

#include <napi.h>

namespace casc {

Napi::Value trainNeurons(const Napi::CallbackInfo& info);

}  // namespace casc
