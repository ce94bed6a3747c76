// The addon's door: registers every class and function of native/addon with one environment.
#include <napi.h>

#include <memory>
#include <string>
#include <thread>

#include "addon/addon_data.h"
#include "addon/block_trainer.h"
#include "addon/dense_plan.h"
#include "addon/read.h"
#include "addon/refit.h"
#include "addon/spiking_plan_wrap.h"
#include "addon/step_neurons.h"
#include "addon/synapses.h"
#include "addon/task.h"
#include "addon/train_neurons.h"
#include "engine/abort.h"

namespace casc {
namespace {

/** `new AbortFlag()`: handed to a long call; `abort()` stops it between layers and images. */
class AbortFlagWrap : public Napi::ObjectWrap<AbortFlagWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "AbortFlag", {InstanceMethod<&AbortFlagWrap::abort>("abort")});
  }
  explicit AbortFlagWrap(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<AbortFlagWrap>(info), flag_(std::make_shared<std::atomic<bool>>(false)) {}
  const AbortFlag& flag() const { return flag_; }

 private:
  void abort(const Napi::CallbackInfo&) { flag_->store(true); }
  AbortFlag flag_;
};

/** What compiled this addon. */
std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
  return std::string("gcc ") + __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " + std::to_string(_MSC_FULL_VER);
#else
  return "unknown";
#endif
}

/** With which flags; empty where the build did not say. */
std::string flags() {
#ifdef CASC_FLAGS
  return CASC_FLAGS;
#else
  return "";
#endif
}

Napi::Value info(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  auto names = [&](const std::vector<Isa>& isas) {
    Napi::Array array = Napi::Array::New(env, isas.size());
    for (uint32_t i = 0; i < isas.size(); ++i) array.Set(i, isaName(isas[i]));
    return array;
  };
  Napi::Object result = Napi::Object::New(env);
  result.Set("built", names(builtIsas()));
  result.Set("found", names(foundIsas()));
  result.Set("isa", isaName(addonData(env).isa));
  result.Set("compiler", compiler());
  result.Set("flags", flags());
  result.Set("threads", std::max(1u, std::thread::hardware_concurrency()));
  return result;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto data = std::make_unique<AddonData>();
  try {
    data->isa = chooseIsa();
  } catch (const std::exception& error) {
    throw toJsError(env, error);
  }
  Napi::Function abortFlag = AbortFlagWrap::define(env);
  data->abortFlag = Napi::Persistent(abortFlag);
  env.SetInstanceData(data.release());
  exports.Set("AbortFlag", abortFlag);
  exports.Set("BlockTrainer", defineBlockTrainer(env));
  exports.Set("DensePlan", defineDensePlan(env));
  exports.Set("Regression", defineRegression(env));
  exports.Set("ClipSearch", defineClipSearch(env));
  exports.Set("SpikingPlan", defineSpikingPlan(env));
  exports.Set("Synapses", defineSynapses(env));
  exports.Set("roofs", Napi::Function::New(env, roofs, "roofs"));
  exports.Set("trainNeurons", Napi::Function::New(env, trainNeurons, "trainNeurons"));
  exports.Set("stepNeurons", Napi::Function::New(env, stepNeurons, "stepNeurons"));
  exports.Set("info", Napi::Function::New(env, info, "info"));
  return exports;
}

}  // namespace

AbortFlag abortFlagFrom(const Napi::Value& value) {
  if (!value.IsObject()) return nullptr;
  Napi::Env env = value.Env();
  Napi::Object object = value.As<Napi::Object>();
  if (!object.InstanceOf(addonData(env).abortFlag.Value())) {
    throw Napi::TypeError::New(env, "expected an AbortFlag");
  }
  return AbortFlagWrap::Unwrap(object)->flag();
}

AbortFlag abortOption(const Napi::Object& options) {
  const Napi::Value value = options.Get("abort");
  if (read::isNone(value)) return nullptr;
  AbortFlag flag;
  try {
    flag = abortFlagFrom(value);
  } catch (const Napi::Error&) {
  }
  if (!flag) read::fail("options.abort", "expected an AbortFlag");
  return flag;
}

Napi::Object initAddon(Napi::Env env, Napi::Object exports) { return init(env, exports); }

}  // namespace casc

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return casc::initAddon(env, exports);
}
NODE_API_MODULE(casc_snn, Init)
