/** What every drawing is made with. */
import type { Html } from './html';

export type PlotLibrary = typeof import('@observablehq/plot', { with: { 'resolution-mode': 'import' }});

export interface PlotTools {
  readonly Plot: PlotLibrary;
  /** SVG of the page's width and font, with a name for those who cannot see it. */
  draw(ariaLabel: string, options: Parameters<PlotLibrary['plot']>[0]): Html;
}

/** Stretches of sleep, in steps, behind all other marks. */
export function sleepShade(Plot: PlotLibrary, stretches: { from: number; to: number }[]) {
  return Plot.rect(stretches, {
    ...{ x1: 'from', x2: 'to', fill: 'var(--asleep)', fillOpacity: 0.16 },
    ariaDescription: 'asleep',
  });
}

/** In units of the drawing; a phone shows it at about three quarters, where text must still be legible. */
export const WIDTH = 420;
export const FONT = '13px';
