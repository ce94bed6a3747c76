// A profile as JavaScript gets it: NativeLayerProfile of lib/native/types.ts.
#pragma once

#include <napi.h>

#include "engine/spiking/profile.h"

namespace casc {

Napi::Value profileValue(Napi::Env env, const spiking::Profile& profile);

}  // namespace casc
