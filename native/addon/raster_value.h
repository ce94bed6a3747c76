// What a raster is to show, from JavaScript, and the raster itself, to JavaScript: see
// SpikingRunOptions and NativeLayerRaster of lib/native/types.ts.
#pragma once

#include <napi.h>

#include <optional>
#include <vector>

#include "engine/spiking/raster.h"

namespace casc {

/** Null or undefined: none is asked for. */
std::optional<spiking::RasterSettings> readRaster(const Napi::Value& value);

Napi::Value rasterValue(Napi::Env env, const std::vector<spiking::LayerRaster>& layers);

}  // namespace casc
