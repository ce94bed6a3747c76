// How much memory a worker takes: bounded beforehand from plan and schedule, and counted afterwards
// by Simulation::bytes and Oracle::bytes. Who changes their buffers changes both here.
#pragma once

#include "engine/spiking/plan.h"
#include "engine/spiking/schedule.h"

namespace casc::spiking {

/** Bytes of one worker; doubles, since bounds may exceed any memory. Planes of all steps,
 * membranes, counts, readouts, event lists; not the results of a batch (readouts of every step
 * among them). */
struct WorkingBytes {
  double simulation = 0, oracle = 0;
};

/** Neither a Simulation nor an Oracle of the plan holds more after any runs of this schedule. */
template <class N>
WorkingBytes workingBytesBound(const Plan<N>& plan, const Schedule& schedule);

extern template WorkingBytes workingBytesBound(const Plan<int32_t>&, const Schedule&);
extern template WorkingBytes workingBytesBound(const Plan<float>&, const Schedule&);

}  // namespace casc::spiking
