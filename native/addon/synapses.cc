#include "addon/synapses.h"

#include <limits>
#include <memory>
#include <string>

#include "addon/addon_data.h"
#include "addon/boundary.h"
#include "addon/fastest.h"
#include "addon/read.h"
#include "engine/spiking/synapses.h"

namespace casc {
namespace {

constexpr int32_t kMost = 1 << 26;
constexpr int32_t kMostWindow = 1 << 16;
constexpr double kMostSeconds = 60;
constexpr double kMostCurrents = std::numeric_limits<int32_t>::max();

spiking::Shape readShape(const Napi::Object& from, const std::string& where) {
  return {read::integer(from.Get("c"), 1, kMost, where + ".c"),
          read::integer(from.Get("h"), 1, kMost, where + ".h"),
          read::integer(from.Get("w"), 1, kMost, where + ".w")};
}

void readList(const Napi::Object& window, const char* key, int32_t* out, size_t count,
              int32_t low) {
  const std::string where = std::string("window.") + key;
  const std::vector<int32_t> values = read::integers(window.Get(key), low, kMostWindow, where);
  if (values.size() != count) read::fail(where, "expected " + std::to_string(count) + " numbers");
  std::copy(values.begin(), values.end(), out);
}

spiking::Path readPath(const Napi::Value& value) {
  const std::string path = read::text(value, "path");
  if (path == "scatter") return spiking::Path::Scatter;
  if (path == "rows") return spiking::Path::Rows;
  if (path == "dense") return spiking::Path::Dense;
  read::fail("path", "expected scatter, rows or dense");
}

spiking::SynapseSpec readSpec(const Napi::Object& from) {
  spiking::SynapseSpec spec;
  spec.in = readShape(read::object(from.Get("input"), "input"), "input");
  spec.out = readShape(read::object(from.Get("output"), "output"), "output");
  const Napi::Object window = read::object(from.Get("window"), "window");
  readList(window, "kernel", spec.window.kernel, 2, 1);
  readList(window, "strides", spec.window.strides, 2, 1);
  readList(window, "pads", spec.window.pads, 4, 0);
  readList(window, "dilations", spec.window.dilations, 2, 1);
  spec.path = readPath(from.Get("path"));
  spec.weights = read::copied<int8_t>(from.Get("weights"), "weights");
  return spec;
}

Isa readIsa(const Napi::Value& name) {
  if (read::isNone(name)) return addonData(name.Env()).isa;
  return parseIsa(read::text(name, "isa"));
}

double readSeconds(const Napi::Value& value) {
  const double seconds = read::number(value, "seconds");
  if (!(seconds > 0 && seconds <= kMostSeconds))
    read::fail("seconds", "expected a number above 0, at most 60");
  return seconds;
}

class SynapsesWrap : public Napi::ObjectWrap<SynapsesWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Synapses",
                       {InstanceMethod<&SynapsesWrap::currents>("currents"),
                        InstanceMethod<&SynapsesWrap::time>("time"),
                        InstanceMethod<&SynapsesWrap::dispose>("dispose"),
                        InstanceAccessor<&SynapsesWrap::isa>("isa")});
  }

  explicit SynapsesWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SynapsesWrap>(info) {
    guarded(info.Env(), [&] {
      const Napi::Object description = read::object(info[0], "description");
      isa_ = readIsa(description.Get("isa"));
      synapses_ = std::make_unique<spiking::Synapses>(readSpec(description), kernelsOf(isa_));
      bytes_ = int64_t(synapses_->bytes());
      Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes_);
    });
  }

  void Finalize(Napi::BasicEnv env) override { release(env); }

 private:
  /** Nothing of JavaScript runs while the spikes are read. */
  size_t load(const Napi::Value& value) {
    if (!synapses_) throw Error("ERR_CASC_DISPOSED", "these Synapses were disposed of");
    const auto spikes = read::typed<int8_t>(value, "spikes");
    const size_t numel = synapses_->in().numel(), steps = spikes.length / numel;
    if (steps * numel != spikes.length) {
      read::fail("spikes", "expected whole steps of " + std::to_string(numel) +
                               " values but received " + std::to_string(spikes.length));
    }
    if (double(steps) * double(synapses_->out().numel()) > kMostCurrents)
      read::fail("spikes", "so many steps give more than 2^31 currents");
    synapses_->load(spikes.data, steps);
    return steps;
  }

  Napi::Value currents(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const size_t steps = load(info[0]);
      Napi::Int32Array array = Napi::Int32Array::New(info.Env(), steps * synapses_->out().numel());
      synapses_->currents(array.Data());
      return array;
    });
  }

  Napi::Value time(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const double seconds = readSeconds(info[1]);
      load(info[0]);
      const Timing timing = fastest(seconds, [this] { synapses_->run(); });
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("seconds", timing.seconds);
      result.Set("repetitions", double(timing.repetitions));
      result.Set("additions", double(synapses_->additions()));
      result.Set("macs", synapses_->macs());
      return result;
    });
  }

  void dispose(const Napi::CallbackInfo& info) { release(info.Env()); }

  void release(Napi::BasicEnv env) {
    if (!synapses_) return;
    synapses_.reset();
    Napi::MemoryManagement::AdjustExternalMemory(env, -bytes_);
  }

  Napi::Value isa(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), isaName(isa_));
  }

  std::unique_ptr<spiking::Synapses> synapses_;
  Isa isa_ = Isa::Scalar;
  int64_t bytes_ = 0;
};

/** A second's worth, of a function that returns how much it did. */
double rate(double seconds, uint64_t (*work)()) {
  uint64_t done = 0;
  const Timing timing = fastest(seconds, [&] { done = work(); });
  return double(done) / timing.seconds;
}

}  // namespace

Napi::Function defineSynapses(Napi::Env env) { return SynapsesWrap::define(env); }

Napi::Value roofs(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const RoofKernels& roof = kernelsOf(readIsa(info[0])).roof;
    const double seconds = readSeconds(info[1]);
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("additions", rate(seconds / 2, roof.add));
    result.Set("macs", rate(seconds / 2, roof.multiply));
    return result;
  });
}

}  // namespace casc
