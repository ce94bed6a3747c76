// When some neurons of each layer fired: what a raster plot of one image shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/spiking/plane.h"
#include "engine/spiking/schedule.h"
#include "engine/spiking/spec.h"

namespace casc::spiking {

struct RasterSettings {
  size_t neurons = 0;  // of each layer, at most
  int32_t steps = 0;   // the image's first so many
};

struct RasterSpike {
  int32_t step = 0;  // of the image's own steps, from 1: awake, then asleep, phase after phase
  int32_t size = 0;  // below 0 where it takes others back
};

/** Of one neuron layer. */
struct LayerRaster {
  size_t fired = 0;                              // neurons that fired at all
  std::vector<size_t> neurons;                   // evenly chosen from these; C×H×W, ascending
  std::vector<std::vector<RasterSpike>> trains;  // of each neuron
};

/** Collects while an image is simulated layer by layer. */
class Raster {
 public:
  void begin(const RasterSettings& settings);
  /** The next neuron layer, whose planes are there still. */
  void add(const Shape& shape, const Series& series);
  /** Which step a spike belongs to is known when all layers are at rest. */
  std::vector<LayerRaster> finish(const Schedule& schedule, const std::vector<int32_t>& sleepSteps);

 private:
  struct Spike {
    int32_t phase, index, size;
  };
  struct Layer {
    size_t fired = 0;
    std::vector<size_t> neurons;
    std::vector<std::vector<Spike>> trains;
  };

  RasterSettings settings_;
  std::vector<Layer> layers_;
};

}  // namespace casc::spiking
