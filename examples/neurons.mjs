// Consistent-IF neurons without a network: why negative spikes and sleep make a spike count exact.
// Run it from the root of the repository: node examples/neurons.mjs
import { NeuronPopulation } from 'casc-snn';

// The input comes unevenly: much at first, then some of it is taken back. In all it is worth 1.1, 0 and 2.5 thresholds.
const currents = [
  [1.7, 1.2, 1.5],
  [0.9, -0.7, 1.5],
  [-0.9, -0.7, -0.5],
  [-0.6, 0.2, 0.0],
];

for (const negative of [false, true]) {
  const population = new NeuronPopulation(3, { negative, upperBound: negative });
  console.log(negative ? 'consistent IF: a spike can be taken back' : 'plain IF: a spike is for ever');
  for (const current of currents) console.log('  awake ', population.step(Float32Array.from(current)).join(' '));
  const nothing = new Float32Array(3);
  while (population.step(nothing, 'sleep').some((spike) => spike !== 0));
  console.log('  counts', population.count.join(' ')); // consistent: 1 0 2 = floor of the sums
}
