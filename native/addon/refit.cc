#include "addon/refit.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "addon/addon_data.h"
#include "addon/boundary.h"
#include "addon/dense_description.h"
#include "addon/read.h"
#include "addon/team_task.h"
#include "engine/refit/clip_search.h"
#include "engine/refit/regression.h"

namespace casc {
namespace {

using refit::Batch;
using refit::ClipSearch;
using refit::Regression;

constexpr int kMost = std::numeric_limits<int>::max();

/** Plan, and the numbers of nodes in it, by the keys of the description. */
class DescriptionReader {
 public:
  DescriptionReader(const Napi::CallbackInfo& info)
      : object_(read::object(info[0], "description")),
        description_(readDenseDescription(info[0])),
        isa_(description_.isa.empty() ? addonData(info.Env()).isa : parseIsa(description_.isa)) {}

  size_t integer(const char* key, int low, int high) const {
    return size_t(read::integer(object_.Get(key), low, high, std::string("description: ") + key));
  }
  bool flag(const char* key) const {
    return read::boolean(object_.Get(key), std::string("description: ") + key);
  }
  size_t node(const char* key) const { return integer(key, 0, int(description_.nodes.size()) - 1); }
  const dense::NodeSpec& spec(size_t node) const { return description_.nodes[node]; }
  Isa isa() const { return isa_; }
  std::shared_ptr<const dense::Plan> plan() {
    return std::make_shared<const dense::Plan>(std::move(description_.nodes),
                                               std::move(description_.outputs), isa_);
  }

 private:
  Napi::Object object_;
  DenseDescription description_;
  Isa isa_;
};

/** What both classes do: take batches, one call at a time, on a team. */
template <class Work>
struct Stream {
  std::shared_ptr<const dense::Plan> plan;
  Work work;
  std::atomic<bool> busy{false};

  template <class... Arguments>
  explicit Stream(std::shared_ptr<const dense::Plan> p, Arguments&&... arguments)
      : plan(p), work(std::move(p), std::forward<Arguments>(arguments)...) {}
};

struct Threads {
  unsigned count;
  AbortFlag abort;
};

Threads readThreads(const Napi::Object& options) {
  Threads threads;
  threads.count =
      unsigned(read::integer(options.Get("threads"), 1, read::kMostThreads, "options.threads"));
  threads.abort = abortOption(options);
  return threads;
}

/** Holds a stream for one call, from its start to the end of its work. */
template <class Work>
class Hold {
 public:
  explicit Hold(std::shared_ptr<Stream<Work>> stream) : stream_(std::move(stream)) {
    if (stream_->busy.exchange(true))
      throw Error("ERR_CASC_ARGUMENT", "an earlier call has not settled yet; wait for it");
  }
  ~Hold() { release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  void release() {
    if (!released_.exchange(true)) stream_->busy = false;
  }

 private:
  const std::shared_ptr<Stream<Work>> stream_;
  std::atomic<bool> released_{false};
};

template <class Work>
Napi::Value startAlone(Napi::Env env, const std::shared_ptr<Stream<Work>>& stream, Threads threads,
                       std::function<void(Team&)> body,
                       std::function<Napi::Value(Napi::Env)> finish) {
  auto hold = std::make_shared<Hold<Work>>(stream);
  auto work = [hold, abort = threads.abort, body = std::move(body)](Team& team) {
    // Before the promise settles, whatever happens.
    struct Release {
      Hold<Work>& held;
      ~Release() { held.release(); }
    } release{*hold};
    throwIfAborted(abort);
    body(team);
  };
  return startTeamTask(env, threads.count, std::move(work), std::move(finish));
}

/** add(inputs, images, {threads, first, abort}) */
template <class Work>
Napi::Value add(const Napi::CallbackInfo& info, const std::shared_ptr<Stream<Work>>& stream) {
  const Napi::Array inputs = read::array(info[0], "inputs");
  const dense::Plan& plan = *stream->plan;
  struct Owned {
    std::vector<std::vector<float>> values;
    Batch batch;
  };
  auto owned = std::make_shared<Owned>();
  owned->batch.images = size_t(read::integer(info[1], 0, read::kMostImages, "images"));
  const Napi::Object options = read::object(info[2], "options");
  const Threads threads = readThreads(options);
  owned->batch.first =
      size_t(read::integer(options.Get("first"), 0, read::kMostImages, "options.first"));
  const size_t count = plan.inputNodes().size();
  if (inputs.Length() != count)
    read::fail("inputs", "expected " + std::to_string(count) + " array(s) but received " +
                             std::to_string(inputs.Length()));
  for (size_t i = 0; i < count; ++i) {
    const std::string place = "inputs[" + std::to_string(i) + "]";
    owned->values.push_back(read::copied<float>(inputs.Get(uint32_t(i)), place));
    const size_t expected = owned->batch.images * plan.numel(plan.inputNodes()[i]);
    if (owned->values[i].size() != expected)
      read::fail(place, "has " + std::to_string(owned->values[i].size()) +
                            " elements (0 if its buffer is detached), expected " +
                            std::to_string(expected));
    owned->batch.inputs.push_back(owned->values[i].data());
  }
  return startAlone<Work>(
      info.Env(), stream, threads,
      [stream, owned, abort = threads.abort](Team& team) {
        stream->work.add(owned->batch, team, abort);
      },
      [](Napi::Env env) { return env.Undefined(); });
}

template <class Work>
class StreamWrap {
 public:
  void dispose() { stream_.reset(); }

  /** Held by the caller: a getter among the arguments may call dispose(). */
  std::shared_ptr<Stream<Work>> held() const {
    if (!stream_) throw Error("ERR_CASC_DISPOSED", "this object has been disposed of");
    return stream_;
  }

 protected:
  std::shared_ptr<Stream<Work>> stream_;
};

class RegressionWrap : public Napi::ObjectWrap<RegressionWrap>, public StreamWrap<Regression> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Regression",
                       {InstanceMethod<&RegressionWrap::addBatch>("add"),
                        InstanceMethod<&RegressionWrap::restart>("restart"),
                        InstanceMethod<&RegressionWrap::solve>("solve"),
                        InstanceMethod<&RegressionWrap::round>("round"),
                        InstanceMethod<&RegressionWrap::close>("dispose")});
  }

  explicit RegressionWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RegressionWrap>(info) {
    guarded(info.Env(), [&] {
      DescriptionReader reader(info);
      const refit::RegressionSpec spec = readSpec(reader);
      stream_ = std::make_shared<Stream<Regression>>(reader.plan(), spec, reader.isa());
    });
  }

 private:
  static refit::RegressionSpec readSpec(const DescriptionReader& reader) {
    const dense::NodeSpec& node = reader.spec(reader.node("conv"));
    const auto* conv = std::get_if<dense::ConvSpec>(&node.op);
    if (!conv || node.inputs.empty())
      read::fail("description: conv", "is not the index of a convolution");
    return {size_t(node.inputs[0]),
            reader.node("residual"),
            reader.node("target"),
            conv->window,
            conv->groups,
            node.shape,
            reader.integer("every", 1, kMost)};
  }

  Napi::Value restart(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      DescriptionReader reader(info);
      const refit::RegressionSpec spec = readSpec(reader);
      const auto stream = held();
      const Hold<Regression> hold(stream);
      const auto plan = reader.plan();
      stream->work.restart(plan, spec);
      stream->plan = plan;
      return info.Env().Undefined();
    });
  }

  Napi::Value addBatch(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return add(info, held()); });
  }

  Napi::Value solve(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const auto stream = held();
      const Napi::Object options = read::object(info[0], "options");
      const Threads threads = readThreads(options);
      std::optional<double> ridge;
      if (!options.Get("ridge").IsUndefined()) ridge = readRidge(options);
      auto result = std::make_shared<refit::Correction>();
      return startAlone<Regression>(
          info.Env(), stream, threads,
          [stream, result, ridge](Team& team) { *result = stream->work.solve(ridge, team); },
          [result](Napi::Env env) -> Napi::Value {
            Napi::Object object = weightsToJs(env, result->weight, result->bias);
            object.Set("ridge", result->ridge);
            object.Set("before", result->before);
            object.Set("after", result->after);
            object.Set("target", result->target);
            return object;
          });
    });
  }

  Napi::Value round(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const auto stream = held();
      const Napi::Object options = read::object(info[0], "options");
      const Threads threads = readThreads(options);
      const double ridge = readRidge(options);
      struct Job {
        refit::WeightGrid grid;
        std::vector<float> weight, bias;
      };
      auto job = std::make_shared<Job>();
      job->weight = read::copied<float>(options.Get("weight"), "options.weight");
      job->bias = read::copied<float>(options.Get("bias"), "options.bias");
      job->grid.step = read::copied<double>(options.Get("step"), "options.step");
      job->grid.largest = read::copied<double>(options.Get("largest"), "options.largest");
      job->grid.units = read::copied<double>(options.Get("units"), "options.units");
      job->grid.most = read::integer(options.Get("most"), 1, 32767, "options.most");
      job->grid.biasSteps = read::integer(options.Get("biasSteps"), 1, 255, "options.biasSteps");
      return startAlone<Regression>(
          info.Env(), stream, threads,
          [stream, job, ridge](Team& team) {
            stream->work.round(job->grid, ridge, job->weight, job->bias, team);
          },
          [job](Napi::Env env) -> Napi::Value { return weightsToJs(env, job->weight, job->bias); });
    });
  }

  static double readRidge(const Napi::Object& options) {
    const double ridge = read::number(options.Get("ridge"), "options.ridge");
    if (!(ridge >= 0 && ridge <= 1e6)) read::fail("options.ridge", "expected 0 to 1e6");
    return ridge;
  }

  static Napi::Object weightsToJs(Napi::Env env, const std::vector<float>& weight,
                                  const std::vector<float>& bias) {
    Napi::Object object = Napi::Object::New(env);
    auto floats = [&](const char* key, const std::vector<float>& values) {
      auto array = Napi::Float32Array::New(env, values.size());
      std::copy(values.begin(), values.end(), array.Data());
      object.Set(key, array);
    };
    floats("weight", weight);
    floats("bias", bias);
    return object;
  }

  void close(const Napi::CallbackInfo&) { dispose(); }
};

class ClipSearchWrap : public Napi::ObjectWrap<ClipSearchWrap>, public StreamWrap<ClipSearch> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ClipSearch",
                       {InstanceMethod<&ClipSearchWrap::addBatch>("add"),
                        InstanceMethod<&ClipSearchWrap::search>("search"),
                        InstanceMethod<&ClipSearchWrap::close>("dispose")});
  }

  explicit ClipSearchWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ClipSearchWrap>(info) {
    guarded(info.Env(), [&] {
      DescriptionReader reader(info);
      const refit::ClipSpec spec{reader.node("value"), reader.node("wanted"),
                                 reader.integer("every", 1, kMost), reader.flag("pooled")};
      stream_ = std::make_shared<Stream<ClipSearch>>(reader.plan(), spec);
    });
  }

 private:
  Napi::Value addBatch(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return add(info, held()); });
  }

  Napi::Value search(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const auto stream = held();
      const Napi::Object options = read::object(info[0], "options");
      const Threads threads = readThreads(options);
      const refit::Staircase stairs{
          read::integer(options.Get("levels"), 1, 1 << 16, "options.levels"),
          read::number(options.Get("shift"), "options.shift")};
      const double most = read::number(options.Get("most"), "options.most");
      if (!(stairs.shift >= 0 && stairs.shift < 1)) read::fail("options.shift", "expected 0 to 1");
      if (!(most > 0)) read::fail("options.most", "expected a number above 0");
      const bool shared = read::boolean(options.Get("shared"), "options.shared");
      auto result = std::make_shared<refit::ClipChoices>();
      return startAlone<ClipSearch>(
          info.Env(), stream, threads,
          [stream, result, stairs, shared, most](Team& team) {
            *result = stream->work.search(stairs, shared, most, team);
          },
          [result, stream](Napi::Env env) -> Napi::Value {
            Napi::Object object = Napi::Object::New(env);
            auto doubles = [&](const char* key, auto part) {
              const std::vector<refit::ClipChoice>& channels = result->channels;
              auto array = Napi::Float64Array::New(env, channels.size());
              for (size_t c = 0; c < channels.size(); ++c) array[c] = double(channels[c].*part);
              object.Set(key, array);
            };
            doubles("clips", &refit::ClipChoice::clip);
            doubles("error", &refit::ClipChoice::error);
            doubles("energy", &refit::ClipChoice::energy);
            doubles("zero", &refit::ClipChoice::zero);
            doubles("top", &refit::ClipChoice::top);
            object.Set("sampled", double(stream->work.sampled()));
            object.Set("stretch", result->stretch);
            return object;
          });
    });
  }

  void close(const Napi::CallbackInfo&) { dispose(); }
};

}  // namespace

Napi::Function defineRegression(Napi::Env env) { return RegressionWrap::define(env); }
Napi::Function defineClipSearch(Napi::Env env) { return ClipSearchWrap::define(env); }

}  // namespace casc
