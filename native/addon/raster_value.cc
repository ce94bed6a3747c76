#include "addon/raster_value.h"

#include "addon/read.h"

namespace casc {
namespace {

constexpr int32_t kMost = 1'000'000;

/** Step and size of each spike, one after the other. */
Napi::Int32Array trainValue(Napi::Env env, const std::vector<spiking::RasterSpike>& train) {
  Napi::Int32Array array = Napi::Int32Array::New(env, 2 * train.size());
  for (size_t i = 0; i < train.size(); ++i) {
    array[2 * i] = train[i].step;
    array[2 * i + 1] = train[i].size;
  }
  return array;
}

Napi::Object layerValue(Napi::Env env, const spiking::LayerRaster& layer) {
  Napi::Int32Array neurons = Napi::Int32Array::New(env, layer.neurons.size());
  Napi::Array trains = Napi::Array::New(env, layer.trains.size());
  for (size_t i = 0; i < layer.neurons.size(); ++i) {
    neurons[i] = int32_t(layer.neurons[i]);
    trains.Set(uint32_t(i), trainValue(env, layer.trains[i]));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("fired", double(layer.fired));
  object.Set("neurons", neurons);
  object.Set("trains", trains);
  return object;
}

}  // namespace

std::optional<spiking::RasterSettings> readRaster(const Napi::Value& value) {
  if (read::isNone(value)) return std::nullopt;
  const Napi::Object from = read::object(value, "raster");
  spiking::RasterSettings settings;
  settings.neurons = size_t(read::integer(from.Get("neurons"), 1, kMost, "raster.neurons"));
  settings.steps = read::integer(from.Get("steps"), 1, kMost, "raster.steps");
  return settings;
}

Napi::Value rasterValue(Napi::Env env, const std::vector<spiking::LayerRaster>& layers) {
  Napi::Array array = Napi::Array::New(env, layers.size());
  for (size_t i = 0; i < layers.size(); ++i) array.Set(uint32_t(i), layerValue(env, layers[i]));
  return array;
}

}  // namespace casc
