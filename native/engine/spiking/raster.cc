#include "engine/spiking/raster.h"

#include <algorithm>
#include <utility>

namespace casc::spiking {
namespace {

/** Positions [h][w][c] of the neurons that fired, in the order C×H×W. */
std::vector<size_t> firedPlaces(const Shape& shape, const Series& series) {
  const size_t row = shape.row(), c = size_t(shape.c);
  std::vector<uint8_t> fired(shape.numel(), 0);
  for (const Series::Phase& phase : series.phases) {
    for (const auto& plane : phase) {
      if (!plane) continue;
      for (size_t y = 0; y < size_t(shape.h); ++y) {
        if (plane->events[y] == 0) continue;
        const int8_t* spikes = plane->as<int8_t>() + y * row;
        for (size_t i = 0; i < row; ++i) fired[y * row + i] |= uint8_t{spikes[i] != 0};
      }
    }
  }
  std::vector<size_t> places;
  for (size_t channel = 0; channel < c; ++channel)
    for (size_t at = channel; at < fired.size(); at += c)
      if (fired[at]) places.push_back(at);
  return places;
}

}  // namespace

void Raster::begin(const RasterSettings& settings) {
  settings_ = settings;
  layers_.clear();
}

void Raster::add(const Shape& shape, const Series& series) {
  const std::vector<size_t> places = firedPlaces(shape, series);
  const size_t c = size_t(shape.c), area = shape.numel() / c;
  Layer layer;
  layer.fired = places.size();
  const size_t chosen = std::min(settings_.neurons, places.size());
  for (size_t i = 0; i < chosen; ++i) {
    // The middle of the i-th of so many equal parts.
    const size_t place = places[(2 * i + 1) * places.size() / (2 * chosen)];
    layer.neurons.push_back(place % c * area + place / c);
    auto& train = layer.trains.emplace_back();
    for (size_t p = 0; p < series.phases.size(); ++p) {
      // No phase begins before its first step; later ones are dropped in finish().
      const auto end = std::min(series.phases[p].size(), size_t(settings_.steps));
      for (size_t index = 0; index < end; ++index) {
        const Plane* plane = series.at(int32_t(p), int32_t(index));
        if (!plane || plane->events[place / shape.row()] == 0) continue;
        const int8_t size = plane->as<int8_t>()[place];
        if (size != 0) train.push_back({int32_t(p), int32_t(index), size});
      }
    }
  }
  layers_.push_back(std::move(layer));
}

std::vector<LayerRaster> Raster::finish(const Schedule& schedule,
                                        const std::vector<int32_t>& sleepSteps) {
  std::vector<int64_t> before(sleepSteps.size(), 0);  // steps before a phase
  for (size_t p = 1; p < before.size(); ++p)
    before[p] = before[p - 1] + schedule.group(int32_t(p) - 1) + sleepSteps[p - 1];
  std::vector<LayerRaster> rasters;
  for (Layer& layer : layers_) {
    LayerRaster& raster = rasters.emplace_back();
    raster.fired = layer.fired;
    raster.neurons = std::move(layer.neurons);
    for (const std::vector<Spike>& train : layer.trains) {
      auto& to = raster.trains.emplace_back();
      for (const Spike& spike : train) {
        const int64_t step = before[size_t(spike.phase)] + spike.index + 1;
        if (step <= settings_.steps) to.push_back({int32_t(step), spike.size});
      }
    }
  }
  layers_.clear();
  return rasters;
}

}  // namespace casc::spiking
