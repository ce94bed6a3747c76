/** What operations cost by the field's convention. */

/** Joules. */
export interface EnergyPrices {
  multiplyAdd: number;
  addition: number;
}

/** Energy of one operation in 45 nm CMOS at 32 bits, in joules (Horowitz, ISSCC 2014). */
export const ENERGY: Readonly<EnergyPrices> = { multiplyAdd: 4.6e-12, addition: 0.9e-12 };

export const COUNTED =
  "SNN: additions caused by spikes, awake and asleep, and the first layer's multiply-adds once an image (its current is constant); " +
  'ANN: all multiply-adds. Not counted: memory, neurons, the analogue tail';
