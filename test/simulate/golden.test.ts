/** The traces of the paper's own code, by equality at every step. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { traceOf } from '../../lib/report/trace';
import { type NeuronModel, NeuronPopulation, SpikingNetwork } from '../../lib/simulate';

const golden = join(__dirname, '..', 'golden');
const read = <T>(name: string) => JSON.parse(readFileSync(join(golden, name), 'utf8')) as T;

interface NeuronCase {
  gamma: number;
  negativeSpikes: boolean;
  threshold: number;
  phase: ('wake' | 'sleep')[];
  current: number[][];
  spikes: number[][];
  membrane: number[][];
}

interface NetCase {
  levels: number;
  wakeSteps: number;
  sleepSteps: number;
  margin: number;
  gamma: number;
  negativeSpikes: boolean;
  input: number[];
  inputShape: number[];
  annLogits: number[];
  accumulatedOutput: number[][];
  finalSpikeCounts: Record<string, number[]>;
}

describe.each(read<NeuronCase[]>('neuron.json').map((data, i) => ({ i, data })))('neuron case $i', ({ data }) => {
  test.each(['float32', 'int32'] as const)('spikes and membranes in %s', (type) => {
    // All numbers are multiples of 1/64, so in int32 the unit is 1/64.
    const unit = type === 'int32' ? 64 : 1;
    const numbers = (values: number[]) =>
      type === 'int32' ? Int32Array.from(values, (v) => v * unit) : Float32Array.from(values);
    const population = new NeuronPopulation(data.current[0]!.length, {
      gamma: data.gamma,
      negative: data.negativeSpikes,
      threshold: data.threshold * unit,
      type,
    });
    data.current.forEach((current, t) => {
      const spikes = population.step(numbers(current), data.phase[t]);
      expect([...spikes]).toEqual(data.spikes[t]);
      expect([...population.membrane].map((v) => v / unit)).toEqual(data.membrane[t]);
    });
  });
});

describe.each(['small-max-q8', 'small-avg-q4', 'residual-q8', 'small-max-plain-if'])('%s', (name) => {
  const data = read<NetCase>(`${name}.json`);
  const images = Float32Array.from(data.input);
  const count = data.inputShape[0]!;
  const neuron: NeuronModel = data.negativeSpikes ? 'cif' : 'if';
  let snn: SpikingNetwork;

  beforeAll(async () => {
    snn = await SpikingNetwork.load(join(golden, `${name}.onnx`));
  });
  afterAll(() => snn.dispose());

  test('readout at every step, spike counts, and the ANN', async () => {
    const result = await snn.simulate(images, count, {
      neuron,
      wake: data.wakeSteps,
      sleep: data.sleepSteps,
      margin: data.margin,
      everyStep: true,
      counts: true,
      oracle: true,
    });
    const trace = traceOf(result, snn.readoutSize);
    const last = data.accumulatedOutput.at(-1)!;
    const settled = data.accumulatedOutput.findIndex((row) => row.every((value, i) => value === last[i])) + 1;
    if (neuron === 'cif') {
      expect(trace.quiescentAt).toBeGreaterThanOrEqual(settled);
      expect(trace.quiescentAt).toBeLessThan(trace.steps);
    }
    expect(trace.accumulatedOutput).toEqual(data.accumulatedOutput);
    // Activations in order of execution: a1, a2, …
    const expected = Object.entries(data.finalSpikeCounts).sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));
    const ours = snn.neuronLayers().map((layer) => trace.spikeCounts[layer]);
    expect(ours).toEqual(expected.map(([, counts]) => counts));
    expect([...result.oracle![0]!]).toEqual(data.annLogits);
    if (neuron === 'cif') expect([...result.outputs[0]!]).toEqual(data.annLogits);
    else expect([...result.outputs[0]!]).not.toEqual(data.annLogits);
  });

  test('auto sleep comes to the same rest', async () => {
    const result = await snn.simulate(images, count, { everyStep: true });
    expect(result.atRest.every(Boolean)).toBe(true);
    expect([...result.outputs[0]!]).toEqual(data.annLogits);
    expect(Math.max(...result.sleepSteps)).toBeLessThanOrEqual((snn.converted.depth - 1) * data.levels + 1);
  });
});
