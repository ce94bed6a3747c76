// PlanDescription (lib/native/types.ts) → PlanSpec. Checks types; checkPlan checks everything else.
#pragma once

#include <napi.h>

#include "engine/spiking/spec.h"

namespace casc {

spiking::PlanSpec readPlan(const Napi::Object& description);

}  // namespace casc
