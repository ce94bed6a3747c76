/** What lines, marks and shades of the drawings stand for. */
import { Html, html } from './html';

type Colour = 'snn' | 'quantized' | 'ann' | 'negative' | 'asleep';

const key = (mark: Html): Html => html`<svg viewBox="0 0 22 12" aria-hidden="true">${mark}</svg>`;

export const line = (colour: Colour, dashes: string): Html =>
  key(html`<path d="M0,6H22" stroke="var(--${colour})" stroke-width="2" stroke-dasharray="${dashes}"/>`);

export const swatch = (colour: Colour): Html => key(html`<rect width="22" height="12" fill="var(--${colour})"/>`);

export const SHADE = key(new Html('<rect width="22" height="12" fill="var(--asleep)" fill-opacity="0.16"/>'));

/** Of a spike: upright. */
export const TICK = key(new Html('<path d="M11,1V11" stroke="var(--snn)" stroke-width="2"/>'));
/** Of a spike that takes others back: round. */
export const DOT = key(new Html('<circle cx="11" cy="6" r="3" fill="var(--negative)"/>'));
