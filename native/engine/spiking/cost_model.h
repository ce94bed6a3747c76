// What the ways of computing a layer's current cost on this CPU, in nanoseconds.
#pragma once

namespace casc::spiking {

struct CostModel {
  double dense = 1;    // of a multiply-add of the window product
  double scatter = 1;  // of an addition of a scattered spike
  double rowAddition = 1;  // of an addition of the row kernel, in whole vectors
  double rowPixel = 1;     // of a vector of a pixel that has spikes
};

}  // namespace casc::spiking
