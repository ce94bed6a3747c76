#include "addon/dense_plan.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "addon/addon_data.h"
#include "addon/dense_description.h"
#include "addon/read.h"
#include "addon/task.h"
#include "engine/dense/plan.h"
#include "engine/dense/run.h"

namespace casc {
namespace {

using dense::Plan;
using dense::Run;
using dense::RunRequest;

/** The caller's part of a run: what was asked for, checked, and the arrays that keep it alive. */
struct Call {
  size_t images = 0;
  RunRequest request;
  std::vector<Napi::Float32Array> inputs;
};

/**
 * A typed array of zeros by JavaScript's own constructor, which throws where memory is short;
 * N-API's would end the process.
 */
template <typename T>
Napi::TypedArrayOf<T> newArray(Napi::Env env, const char* type, double length) {
  const auto constructor = env.Global().Get(type).As<Napi::Function>();
  try {
    const auto array = read::typedArray<T>(constructor.New({Napi::Number::New(env, length)}), type);
    if (static_cast<double>(array.ElementLength()) == length) return array;
  } catch (const Napi::Error&) {
    // Told below, with the size.
  }
  throw Error("ERR_CASC_OUT_OF_MEMORY", "no memory for a " + std::string(type) + " of " +
                                            std::to_string(length) +
                                            " values: ask for fewer images at a time");
}

void readOptions(const Napi::Value& value, const Plan& plan, RunRequest& request) {
  const Napi::Object options = read::object(value, "options");
  request.threads =
      static_cast<unsigned>(read::integer(options.Get("threads"), 1, 256, "options.threads"));
  const Napi::Value observe = options.Get("observe");
  if (!read::isNone(observe)) {
    const int last = static_cast<int>(plan.nodeCount()) - 1;
    std::vector<bool> seen(plan.nodeCount());
    for (int node : read::integers(observe, 0, last, "options.observe")) {
      const auto n = static_cast<size_t>(node);
      if (seen[n]) read::fail("options.observe", "a node is listed twice");
      seen[n] = true;
      request.observe.push_back(n);
    }
  }
  const Napi::Value channels = options.Get("channels");
  if (!read::isNone(channels)) request.channels = read::boolean(channels, "options.channels");
  request.abort = abortOption(options);
}

Call readCall(const Napi::CallbackInfo& info, const Plan& plan) {
  Call call;
  const Napi::Array inputs = read::array(info[0], "inputs");
  call.images =
      static_cast<size_t>(read::integer(info[1], 0, std::numeric_limits<int>::max(), "images"));
  readOptions(info[2], plan, call.request);

  const size_t count = plan.inputNodes().size();
  if (inputs.Length() != count)
    read::fail("inputs", "expected " + std::to_string(count) + " array(s) but received " +
                             std::to_string(inputs.Length()));
  auto place = [](size_t i) { return "inputs[" + std::to_string(i) + "]"; };
  for (size_t i = 0; i < count; ++i) {
    call.inputs.push_back(read::typedArray<float>(inputs.Get(static_cast<uint32_t>(i)), place(i)));
    read::requireFixedSize(call.inputs[i], place(i));
  }
  // From here on no JavaScript runs (a getter could detach what has been looked at).
  for (size_t i = 0; i < count; ++i) {
    const auto array = read::typedArray<float>(call.inputs[i], place(i));
    const size_t expected = call.images * plan.numel(plan.inputNodes()[i]);
    if (array.ElementLength() != expected)
      read::fail(place(i), "has " + std::to_string(array.ElementLength()) +
                               " elements (0 if its buffer is detached), expected " +
                               std::to_string(expected) + " for " + std::to_string(call.images) +
                               " image(s)");
    call.request.inputs.push_back(array.Data());
  }
  return call;
}

Napi::Object toJs(Napi::Env env, const dense::Histogram& histogram) {
  Napi::Object result = Napi::Object::New(env);
  auto positive = Napi::Float64Array::New(env, dense::kHistogramBins);
  std::copy(histogram.positive().begin(), histogram.positive().end(), positive.Data());
  result.Set("positive", positive);
  result.Set("nonPositive", static_cast<double>(histogram.nonPositive()));
  result.Set("max", histogram.max());
  result.Set("min", histogram.min());
  result.Set("nonFinite", static_cast<double>(histogram.nonFinite()));
  return result;
}

Napi::Object toJs(Napi::Env env, const dense::ChannelHistogram& histogram) {
  Napi::Object result = Napi::Object::New(env);
  const auto bins = static_cast<double>(histogram.counts().size());
  auto counts = newArray<uint32_t>(env, "Uint32Array", bins);
  std::copy(histogram.counts().begin(), histogram.counts().end(), counts.Data());
  auto first = Napi::Int32Array::New(env, histogram.first().size());
  std::copy(histogram.first().begin(), histogram.first().end(), first.Data());
  result.Set("counts", counts);
  result.Set("first", first);
  return result;
}

class DensePlanWrap : public Napi::ObjectWrap<DensePlanWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "DensePlan",
                       {InstanceMethod<&DensePlanWrap::run>("run"),
                        InstanceMethod<&DensePlanWrap::dispose>("dispose")});
  }

  explicit DensePlanWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DensePlanWrap>(info) {
    try {
      DenseDescription description = readDenseDescription(info[0]);
      const Isa isa =
          description.isa.empty() ? addonData(info.Env()).isa : parseIsa(description.isa);
      plan_ = std::make_shared<const Plan>(std::move(description.nodes),
                                           std::move(description.outputs), isa);
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::exception& error) {
      throw toJsError(info.Env(), error);
    }
  }

 private:
  Napi::Value run(const Napi::CallbackInfo& info) {
    try {
      // Held here: a getter among the arguments may call dispose().
      const std::shared_ptr<const Plan> plan = plan_;
      if (!plan) throw Error("ERR_CASC_DISPOSED", "this DensePlan has been disposed of");
      return start(info.Env(), plan, readCall(info, *plan));
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::exception& error) {
      throw toJsError(info.Env(), error);
    }
  }

  static Napi::Value start(Napi::Env env, const std::shared_ptr<const Plan>& plan, Call call) {
    TaskOptions options;
    options.count = call.images;
    options.threads = call.request.threads;
    options.abort = call.request.abort;
    for (const auto& input : call.inputs) {
      options.pinned.push_back(Napi::Persistent(input.As<Napi::Object>()));
    }
    Napi::Array outputs = Napi::Array::New(env);
    for (size_t node : plan->outputNodes()) {
      const auto numel = static_cast<double>(plan->numel(node));
      auto array = newArray<float>(env, "Float32Array", static_cast<double>(call.images) * numel);
      call.request.outputs.push_back(array.Data());
      outputs.Set(outputs.Length(), array);
    }
    // A task, and with it both functions below, ends on JavaScript's thread, as references must.
    auto kept =
        std::make_shared<Napi::ObjectReference>(Napi::Persistent(outputs.As<Napi::Object>()));
    auto work = std::make_shared<Run>(plan, std::move(call.request));
    options.body = [work](unsigned worker, size_t image) { work->image(worker, image); };
    options.finish = [work, kept](Napi::Env finishEnv) -> Napi::Value {
      Napi::Array histograms = Napi::Array::New(finishEnv);
      for (const auto& histogram : work->histograms()) {
        histograms.Set(histograms.Length(), toJs(finishEnv, histogram));
      }
      Napi::Array channels = Napi::Array::New(finishEnv);
      for (const auto& histogram : work->channelHistograms()) {
        channels.Set(channels.Length(), toJs(finishEnv, histogram));
      }
      Napi::Object result = Napi::Object::New(finishEnv);
      result.Set("outputs", kept->Value());
      result.Set("histograms", histograms);
      result.Set("channels", channels);
      return result;
    };
    return startTask(env, std::move(options));
  }

  void dispose(const Napi::CallbackInfo&) { plan_.reset(); }

  std::shared_ptr<const Plan> plan_;
};

}  // namespace

Napi::Function defineDensePlan(Napi::Env env) { return DensePlanWrap::define(env); }

}  // namespace casc
