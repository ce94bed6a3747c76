#include "engine/spiking/synapses.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/error.h"

namespace casc::spiking {
namespace {

/** Offsets into planes with their border have 32 bits, and many steps of one are in memory. */
constexpr double kMostPadded = 1 << 26;
/** Of an output: with so many, Σ |weight| fits 32 bits. */
constexpr double kMostWeights = 1 << 24;

[[noreturn]] void fail(const std::string& what) { throw Error("ERR_CASC_ARGUMENT", what); }

const SynapseSpec& checked(const SynapseSpec& spec) {
  const Window& win = spec.window;
  const double padded = double(spec.in.c) * (double(spec.in.h) + win.pads[0] + win.pads[2]) *
                        (double(spec.in.w) + win.pads[1] + win.pads[3]);
  if (padded > kMostPadded || double(spec.out.c) * spec.out.h * spec.out.w > kMostPadded)
    fail("shape: more than 2^26 values with their border");
  if (double(spec.in.c) * win.kernel[0] * win.kernel[1] >= kMostWeights)
    fail("weights: 2^24 weights of one output and more may overflow 32 bits");
  return spec;
}

}  // namespace

PlanSpec Synapses::describe(SynapseSpec spec) {
  LayerSpec input, source, target;
  input.name = "input";
  input.kind = LayerKind::Input;
  input.shape = {1, 1, 1};
  input.grid = Grid{1, 0, 0, 1};
  // Neurons, since what they give out are spikes.
  source.name = "source";
  target.name = "synapses";
  source.kind = target.kind = LayerKind::Neuron;
  source.shape = spec.in;
  target.shape = spec.out;
  for (LayerSpec* layer : {&source, &target}) {
    const size_t c = size_t(layer->shape.c);
    layer->bias = std::vector<int32_t>(c, 0);
    layer->start = std::vector<int32_t>(c, 0);
    layer->threshold = std::vector<int32_t>(c, 1);
  }
  TermSpec term;
  term.source = kSource;
  term.weight = std::move(spec.weights);
  term.window = spec.window;
  target.terms.push_back(std::move(term));
  PlanSpec plan;
  plan.format = Format::Int8;
  plan.layers.push_back(std::move(input));
  plan.layers.push_back(std::move(source));
  plan.layers.push_back(std::move(target));
  return plan;
}

Synapses::Synapses(SynapseSpec spec, const Kernels& kernels)
    : path_(spec.path),
      plan_(describe(checked(spec)), kernels, CostModel{}),
      adder_(plan_),
      trainer_(plan_) {
  if (path_ == Path::Rows && !plan_.layers[kTarget].terms[0].conv.rows) {
    const char* why = RowSynapse::refusal(spec.weights, spec.window, spec.in, spec.out);
    throw Error("ERR_CASC_UNSUPPORTED",
                std::string("path \"rows\" cannot compute this convolution: ") +
                    (why ? why : "the row kernel refuses it"));
  }
  run_.layer = &plan_.layers[kTarget];
  run_.schedule = &schedule_;
}

void Synapses::load(const int8_t* spikes, size_t steps) {
  const Shape& s = in();
  const size_t c = size_t(s.c), area = s.numel() / c;
  const auto wrong = std::find_if(spikes, spikes + steps * s.numel(),
                                  [](int8_t value) { return value < -1 || value > 1; });
  if (wrong != spikes + steps * s.numel()) {
    fail("spikes: expected -1, 0 or 1 but received " + std::to_string(*wrong) + " at position " +
         std::to_string(wrong - spikes));
  }
  steps_ = fed_ = 0;
  planes_.resize(steps);
  inputs_.assign(steps, {});
  for (size_t t = 0; t < steps; ++t, spikes += s.numel()) {
    Plane& plane = planes_[t];
    plane.data.resize(s.numel());
    plane.events.assign(size_t(s.h), 0);
    int8_t* to = plane.as<int8_t>();
    for (size_t channel = 0; channel < c; ++channel)
      for (size_t p = 0; p < area; ++p) to[p * c + channel] = spikes[channel * area + p];
    for (size_t y = 0; y < size_t(s.h); ++y)
      plane.events[y] = plan_.byteKernels.nonZeros(to + y * s.row(), s.row());
    // As in a simulation, a silent step is not there.
    if (plane.total() == 0) continue;
    inputs_[t] = {&plane, path_};
    ++fed_;
  }
  steps_ = steps;
}

template <class Body>
void Synapses::eachPiece(Body body) {
  // In pieces as BandTrainer::run has them.
  const size_t h = size_t(out().h), rows = BandTrainer::bandRows(out(), fed_ + 1);
  const size_t parts = (steps_ + size_t{kTileSteps} - 1) / kTileSteps;
  for (size_t from = 0; from < h; from += rows) {
    const RowRange band{from, std::min(from + rows, h)};
    for (size_t part = 0; part < parts; ++part) {
      const size_t first = steps_ * part / parts;
      const size_t count = steps_ * (part + 1) / parts - first;
      trainer_.currents(run_, band, inputs_.data() + first, count, false);
      body(band, first, count);
    }
  }
}

void Synapses::run() {
  eachPiece([](RowRange, size_t, size_t) {});
}

void Synapses::currents(int32_t* out) {
  const Shape& s = this->out();
  const size_t c = size_t(s.c), w = size_t(s.w), area = s.numel() / c;
  eachPiece([&](RowRange band, size_t first, size_t count) {
    for (size_t k = 0; k < count; ++k) {
      for (size_t r = 0; r < band.count(); ++r) {
        const BandTrainer::RowCurrent row = trainer_.rowCurrent(k, r, band.count());
        int32_t* to = out + (first + k) * s.numel() + (band.from + r) * w;
        for (size_t x = 0; x < w; ++x) {
          for (size_t channel = 0; channel < c; ++channel) {
            const size_t i = x * c + channel;
            to[channel * area + x] =
                (row.wide ? row.wide[i] : 0) + (row.narrow ? int32_t{row.narrow[i]} : 0);
          }
        }
      }
    }
  });
}

uint64_t Synapses::additions() const {
  uint64_t all = 0;
  for (const StepInput& input : inputs_)
    if (input.plane) all += adder_.additions(run_.layer->terms[0], *input.plane);
  return all;
}

double Synapses::macs() const { return plan_.denseMacs * double(fed_); }

}  // namespace casc::spiking
