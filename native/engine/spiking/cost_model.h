// What the ways of computing a layer's current cost on this CPU. Measured once per environment and
// instruction set; it decides only how currents are computed, never what they are.
#pragma once

#include "kernels/registry.h"

namespace casc::spiking {

/** In nanoseconds. */
struct CostModel {
  double dense = 1;        // of a multiply-add of the window product
  double scatter = 1;      // of an addition of a scattered spike
  double rowEvent = 1;     // of an event in a group of the row kernel, whatever its vectors
  double rowVector = 1;    // of a vector of weights that an event adds
  double pixelVector = 1;  // of a vector of sums of a pixel with events
  double collect = 1;      // of a channel of a pixel whose codes are collected
};

/** Takes about a millisecond. */
CostModel measureCosts(const Kernels& kernels);

}  // namespace casc::spiking
