/** What an evaluation says a spiking net costs. */
import type { EvaluationFrame, TransientFigures } from '../evaluate';
import { count, joules, plural, type Row, table } from './table';

/** Of any task. */
export type Simulated = EvaluationFrame & TransientFigures;

export function costs(result: Simulated): string {
  const { images, model, steps, spikes, layers, operations, energy, throughput } = result;
  const { wake, sleep, notAtRest } = steps;
  const perMac = (operations.synaptic / operations.denseMacs).toFixed(2);
  const asleep =
    sleep.mean === sleep.max
      ? `${sleep.max} asleep`
      : `${sleep.mean.toFixed(1)} asleep (half of the images within ${sleep.p50}, 95 % within ${sleep.p95}, most ${sleep.max})`;
  const busiest = layers.reduce((a, b) => (b.firingRate > a.firingRate ? b : a));
  const rows: Row[] = [
    [notAtRest > 0 ? 'steps' : 'steps to rest', `${wake} awake + ${asleep}`],
    ...(notAtRest > 0 ? [['not at rest', `${count(notAtRest)} of ${plural(images, 'image')}`]] : []),
    [
      'spikes per image',
      `${count(spikes.positive / images)} positive, ${count(spikes.negative / images)} negative (hash ${spikes.hash})`,
    ],
    [
      'firing rate',
      `${meanRate(layers).toFixed(4)} per neuron and step, at most ${busiest.firingRate.toFixed(4)} (${busiest.name})`,
    ],
    [
      'additions per image',
      `${count(operations.synaptic)}, ${count(operations.sleep)} of them asleep (${perMac} per multiply-add of the dense ANN)`,
    ],
    ['energy per image', `${joules(energy.snn)}, ANN ${joules(energy.ann)} (${pricesOf(energy)}; memory not counted)`],
    ['throughput', `${throughput.imagesPerSecond.toFixed(1)} images per second (${model.isa})`],
  ];
  return table(null, rows);
}

/** Of all neurons alike. */
export function meanRate(layers: Simulated['layers']): number {
  const neurons = layers.reduce((sum, layer) => sum + layer.neurons, 0);
  return layers.reduce((sum, layer) => sum + layer.firingRate * layer.neurons, 0) / neurons;
}

export function pricesOf({ prices: { multiplyAdd, addition } }: Pick<Simulated['energy'], 'prices'>): string {
  const pico = (value: number) => Number((value * 1e12).toPrecision(6));
  return `${pico(multiplyAdd)} pJ a multiply-add, ${pico(addition)} pJ an addition`;
}
