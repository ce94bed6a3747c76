// A profile as JavaScript gets it: NativeProfile of lib/native/types.ts.
#pragma once

#include <napi.h>

#include "engine/spiking/profile.h"
#include "engine/spiking/working_memory.h"

namespace casc {

Napi::Value workingBytesValue(Napi::Env env, const spiking::WorkingBytes& bytes);

/** bytes: the most that a worker held. */
Napi::Value profileValue(Napi::Env env, const spiking::Profile& profile,
                         const spiking::WorkingBytes& bytes);

}  // namespace casc
