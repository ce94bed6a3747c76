// A schedule as JavaScript gives it: NativeSchedule of lib/native/types.ts.
#pragma once

#include <napi.h>

#include "engine/spiking/schedule.h"

namespace casc {

/** Throws Error (ERR_CASC_ARGUMENT) naming the field. */
spiking::Schedule readSchedule(const Napi::Object& from);

}  // namespace casc
