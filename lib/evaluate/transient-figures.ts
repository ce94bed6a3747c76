/** Steps, spikes and additions of all images. */
import { Histogram } from './distribution';
import { COUNTED, type EnergyPrices } from './energy';
import type { TransientFigures } from './evaluation';
import { mix } from './hash';
import type { JournalHeader } from './header';
import type { ImageRun } from './record';

type Net = Pick<JournalHeader, 'layers' | 'macs'> & { wake: number };

export class TransientCollector {
  private images = 0;
  private steps = 0;
  private notAtRest = 0;
  private hash = 0n;
  private readonly sleep = new Histogram();
  private readonly toRest = new Histogram();
  private readonly positive: number[];
  private readonly negative: number[];
  private readonly operations = { wake: 0, sleep: 0 };

  constructor(private readonly net: Net) {
    this.positive = net.layers.map(() => 0);
    this.negative = net.layers.map(() => 0);
  }

  /** at: the image's position, which its spikes' hash is mixed with. */
  add(at: number, { sleep, rest, quiet, spikes, operations, hash }: ImageRun): void {
    this.images++;
    const steps = this.net.wake + sum(sleep);
    this.steps += steps;
    this.sleep.add(sleep.at(-1)!);
    if (rest.at(-1)) this.toRest.add(steps - sleep.at(-1)! + quiet);
    else this.notAtRest++;
    spikes.positive.forEach((n, layer) => {
      this.positive[layer]! += n;
      this.negative[layer]! += spikes.negative[layer]!;
    });
    this.operations.wake += operations.wake;
    this.operations.sleep += operations.sleep;
    this.hash = BigInt.asUintN(64, this.hash + mix(BigInt(`0x${hash}`), at));
  }

  /** Of at least one image. */
  figures(prices: EnergyPrices): Omit<TransientFigures, 'raster'> {
    const { images, net, positive, negative, toRest } = this;
    const [wake, sleep] = [this.operations.wake / images, this.operations.sleep / images];
    const synaptic = (this.operations.wake + this.operations.sleep) / images;
    const { total, firstLayer } = net.macs;
    return {
      steps: {
        wake: net.wake,
        sleep: this.sleep.distribution(),
        toRest:
          toRest.size === 0
            ? null
            : {
                ...toRest.distribution(),
                histogram: toRest.entries().map(([steps, count]) => ({ steps, images: count })),
              },
        notAtRest: this.notAtRest,
      },
      spikes: {
        positive: sum(positive),
        negative: sum(negative),
        hash: this.hash.toString(16).padStart(16, '0'),
      },
      layers: net.layers.map((layer, i) => ({
        ...layer,
        positive: positive[i]!,
        negative: negative[i]!,
        firingRate: (positive[i]! + negative[i]!) / (layer.neurons * this.steps),
      })),
      operations: { synaptic, wake, sleep, denseMacs: total, firstLayerMacs: firstLayer },
      energy: {
        snn: synaptic * prices.addition + firstLayer * prices.multiplyAdd,
        ann: total * prices.multiplyAdd,
        prices,
        counted: COUNTED,
      },
    };
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, n) => total + n, 0);
