/** Section of the page with the spikes of some neurons of one image. */
import { stepsOf } from '../simulate/schedule';
import type { Simulated } from './costs';
import { type Html, html } from './html';
import { DOT, SHADE, TICK } from './page-legend';
import type { Plots } from './plots';
import { count, plural } from './table';

export function rasterSections({ raster, schedule, layers }: Simulated, draw: Plots): Html[] {
  if (!raster) return [];
  const all = stepsOf(schedule, raster.sleep);
  const steps = all.slice(0, raster.steps);
  const sum = (values: readonly number[]) => values.reduce((total, n) => total + n, 0);
  const shown = sum(raster.layers.map(({ neurons }) => neurons.length));
  const fired = sum(raster.layers.map((layer) => layer.fired));
  const neurons = sum(layers.map((layer) => layer.neurons));
  const sizes = raster.layers.flatMap(({ trains }) => trains.flat().map(([, size]) => Math.abs(size)));
  const bursts = sizes.some((size) => size > 1);
  return [
    html`<section id="raster"><h2>Spikes of some neurons</h2>
<ul class="legend"><li>${TICK}positive spike</li><li>${DOT}negative spike</li>
${bursts ? html`<li>thicker: a burst of several</li>` : null}
${steps.some(({ sleep }) => sleep > 0) ? html`<li>${SHADE}asleep</li>` : null}</ul>
<figure>${draw.raster(
      raster,
      layers.map(({ name }) => name),
      steps,
    )}<figcaption>Image ${raster.image}: ${plural(shown, 'neuron')}, evenly chosen in each layer from the ${count(fired)} that fired, of ${count(neurons)}; neurons that never fire are not drawn.${
      steps.length < all.length ? ` The first ${count(steps.length)} of ${plural(all.length, 'step')}.` : null
    }</figcaption></figure></section>`,
  ];
}
