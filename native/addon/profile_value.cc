#include "addon/profile_value.h"

namespace casc {
namespace {

using spiking::Path;
using spiking::PhaseProfile;

Napi::Object phaseValue(Napi::Env env, const PhaseProfile& phase) {
  Napi::Object spikes = Napi::Object::New(env);
  spikes.Set("positive", double(phase.tally.positive));
  spikes.Set("negative", double(phase.tally.negative));
  Napi::Object steps = Napi::Object::New(env);
  auto set = [&](const char* name, Path path) {
    steps.Set(name, double(phase.steps[size_t(path)]));
  };
  set("skip", Path::Skip);
  set("neurons", Path::Neurons);
  set("scatter", Path::Scatter);
  set("rows", Path::Rows);
  set("dense", Path::Dense);
  Napi::Object object = Napi::Object::New(env);
  object.Set("seconds", phase.seconds);
  object.Set("spikes", spikes);
  object.Set("additions", double(phase.tally.additions));
  object.Set("steps", steps);
  return object;
}

}  // namespace

Napi::Value workingBytesValue(Napi::Env env, const spiking::WorkingBytes& bytes) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("simulation", bytes.simulation);
  object.Set("oracle", bytes.oracle);
  return object;
}

Napi::Value profileValue(Napi::Env env, const spiking::Profile& profile,
                         const spiking::WorkingBytes& bytes) {
  Napi::Array layers = Napi::Array::New(env, profile.size());
  for (size_t i = 0; i < profile.size(); ++i) {
    Napi::Object layer = Napi::Object::New(env);
    layer.Set("wake", phaseValue(env, profile[i].wake));
    layer.Set("sleep", phaseValue(env, profile[i].sleep));
    layers.Set(uint32_t(i), layer);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("layers", layers);
  object.Set("workingBytes", workingBytesValue(env, bytes));
  return object;
}

}  // namespace casc
