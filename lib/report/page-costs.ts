/** Sections of the page about what the spiking net costs. */
import { meanRate, pricesOf, type Simulated } from './costs';
import { type Html, html, htmlTable } from './html';
import { swatch } from './page-legend';
import { rasterSections } from './page-raster';
import type { Plots } from './plots';
import { count, joules, percent, plural } from './table';

export function costSections(result: Simulated, draw: Plots): Html[] {
  return [
    restSection(result, draw),
    energySection(result, draw),
    ...rasterSections(result, draw),
    layerSection(result, draw),
  ];
}

function restSection({ steps, images }: Simulated, draw: Plots): Html {
  const { toRest, notAtRest, wake } = steps;
  const awake = html`<p class="note">${wake} awake steps${
    notAtRest > 0
      ? html`; <span class="bad">${count(notAtRest)} of ${plural(images, 'image')} did not come to rest</span>`
      : null
  }.</p>`;
  if (!toRest) return html`<section id="rest"><h2>Steps to rest</h2>${awake}</section>`;
  const { mean, p50, p95, max, histogram } = toRest;
  return html`<section id="rest"><h2>Steps to rest</h2>
<figure>${draw.stepsToRest(histogram)}<figcaption>Awake and asleep together, until no neuron fires: mean ${mean.toFixed(1)}, half of the images within ${p50}, 95 % within ${p95}, most ${max}.</figcaption></figure>${awake}</section>`;
}

function energySection({ energy, operations, images, spikes, throughput, model }: Simulated, draw: Plots): Html {
  const share = operations.synaptic / operations.denseMacs;
  const rows = [
    ['energy, SNN', joules(energy.snn)],
    ['energy, ANN', joules(energy.ann)],
    ['additions by spikes', `${count(operations.synaptic)} (${share.toFixed(2)} per multiply-add of the ANN)`],
    ['awake', count(operations.wake)],
    ['asleep', count(operations.sleep)],
    ['multiply-adds, first layer', count(operations.firstLayerMacs)],
    ['multiply-adds, ANN', count(operations.denseMacs)],
    ['spikes', `${count(spikes.positive / images)} positive, ${count(spikes.negative / images)} negative`],
    ['throughput', `${throughput.imagesPerSecond.toFixed(1)} images per second (${model.isa})`],
  ];
  return html`<section id="energy"><h2>Energy and operations, per image</h2>
<figure>${draw.energy(energy.snn, energy.ann)}<figcaption>${energy.counted}. ${pricesOf(energy)}.</figcaption></figure>
${htmlTable(null, rows, [1])}</section>`;
}

function layerSection({ layers, images }: Simulated, draw: Plots): Html {
  const rows = layers.map(({ name, neurons, positive, negative, firingRate }) => [
    name,
    count(neurons),
    count(positive / images),
    count(negative / images),
    firingRate.toFixed(4),
    percent(1 - firingRate),
  ]);
  const rate = meanRate(layers);
  const head = ['layer', 'neurons', 'spikes +', 'spikes −', 'rate', 'sparsity'];
  return html`<section id="layers" class="wide"><h2>Firing rate and sparsity by layer</h2>
<ul class="legend"><li>${swatch('snn')}positive spikes</li><li>${swatch('negative')}negative spikes</li></ul>
<div class="cards"><figure>${draw.firingRates(layers)}<figcaption>All neurons: ${rate.toFixed(4)} spikes per neuron and step, sparsity ${percent(1 - rate)}.</figcaption></figure>
<div>${htmlTable(head, rows, [1, 2, 3, 4, 5])}<p class="note">Spikes per image. Rate: spikes of either sign per neuron and step; sparsity is 1 − rate.</p></div></div></section>`;
}
