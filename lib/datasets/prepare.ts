/** Resize, padding and centre crop: an image of any size to the pixels the network sees. */
import { CascError } from '../errors';
import { type ImageGeometry, imageGeometry } from './geometry';
import { bilinear, nearest } from './interpolate';
import type { RawImage } from './raw-image';
import { type Resize, resample } from './resample';
import type { InputScaling } from './scaling';

/**
 * Resizes, pads and crops `image` as `scaling` says. `id` names it in errors.
 *
 * @throws CascError ERR_CASC_IMAGE where the crop does not fit.
 */
export function prepare(image: RawImage, scaling: InputScaling, id: string): RawImage {
  const geometry = imageGeometry(image, scaling);
  if (scaling.resize.rule === 'letterbox') {
    const whole = resized(image, { ...full(geometry), left: 0, top: 0, ...geometry.resized }, scaling);
    return padded(whole, geometry, padOf(scaling, scaling.resize.pad));
  }
  checkCrop(geometry, scaling, id);
  return resized(image, { ...full(geometry), left: -geometry.left, top: -geometry.top, ...geometry.input }, scaling);
}

function full({ resized: { width, height } }: ImageGeometry) {
  return { fullWidth: width, fullHeight: height };
}

function resized(image: RawImage, resize: Resize, scaling: InputScaling): RawImage {
  if (resize.fullWidth === image.width && resize.fullHeight === image.height) return cropped(image, resize);
  if (scaling.interpolation === 'nearest') return nearest(image, resize);
  if (scaling.antialias) return resample(image, resize, scaling.interpolation);
  return bilinear(image, resize);
}

function checkCrop(
  { resized: { width: fullWidth, height: fullHeight }, input: { width, height } }: ImageGeometry,
  { resize }: InputScaling,
  id: string,
): void {
  if (width <= fullWidth && height <= fullHeight) return;
  throw new CascError(
    'ERR_CASC_IMAGE',
    `image ${id} is ${fullWidth}x${fullHeight} (width x height)${resize.rule === 'none' ? '' : ' after the resize'}, too small for a crop of ${width}x${height}; ` +
      `use the resize rule short-side with a size of at least ${Math.max(width, height)}, or a smaller crop`,
    { image: id },
  );
}

/** The padding in the order in which images are stored. */
function padOf({ channels }: InputScaling, pad: readonly number[]): readonly number[] {
  return channels === 'bgr' ? [...pad].reverse() : pad;
}

function padded(
  image: RawImage,
  { input: { width, height }, left, top }: ImageGeometry,
  pad: readonly number[],
): RawImage {
  if (width === image.width && height === image.height) return image;
  // A grey image gets three channels where its padding is not grey.
  const channels = image.channels === 1 && pad.length === 3 ? 3 : image.channels;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) data[i] = pad[i % channels] ?? pad[0]!;
  for (let y = 0; y < image.height; y++) {
    const to = ((top + y) * width + left) * channels;
    const from = y * image.width * image.channels;
    for (let i = 0; i < image.width * channels; i++) {
      data[to + i] = image.data[from + (channels === image.channels ? i : Math.floor(i / channels))]!;
    }
  }
  return { width, height, channels, data };
}

function cropped(image: RawImage, { left, top, width, height }: Resize): RawImage {
  if (width === image.width && height === image.height) return image;
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}
