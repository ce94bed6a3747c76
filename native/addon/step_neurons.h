// `stepNeurons` of lib/native/types.ts: one step of one population, for study and benchmarks.
#pragma once

#include <napi.h>

namespace casc {

Napi::Value stepNeurons(const Napi::CallbackInfo& info);

}  // namespace casc
