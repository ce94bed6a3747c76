// Everything a plan must satisfy before it is compiled: shapes, lengths, ranges. After it, the
// engine trusts the plan.
#pragma once

#include "engine/spiking/spec.h"

namespace casc::spiking {

/** Throws Error (ERR_CASC_ARGUMENT) naming the layer and what was expected. */
void checkPlan(const PlanSpec& spec);

}  // namespace casc::spiking
