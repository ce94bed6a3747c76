/** Resize and centre crop: an image of any size to the pixels the network sees. */
import { CascError } from '../errors';
import { bilinear, nearest } from './interpolate';
import type { RawImage } from './raw-image';
import { type Resize, resample } from './resample';
import type { InputScaling } from './scaling';

/**
 * Resizes and crops `image` as `scaling` says. `id` names it in errors.
 *
 * @throws CascError ERR_CASC_IMAGE where the crop does not fit.
 */
export function prepare(image: RawImage, scaling: InputScaling, id: string): RawImage {
  const resize = geometry(image, scaling, id);
  if (resize.fullWidth === image.width && resize.fullHeight === image.height) return cropped(image, resize);
  if (scaling.interpolation === 'nearest') return nearest(image, resize);
  if (scaling.antialias) return resample(image, resize, scaling.interpolation);
  return bilinear(image, resize);
}

function geometry(image: RawImage, { resize, crop }: InputScaling, id: string): Resize {
  let fullWidth = image.width;
  let fullHeight = image.height;
  if (resize.rule === 'stretch') {
    [fullHeight, fullWidth] = typeof resize.size === 'number' ? [resize.size, resize.size] : resize.size;
  } else if (resize.rule === 'short-side') {
    const short = Math.min(image.width, image.height);
    fullWidth = Math.floor((resize.size * image.width) / short);
    fullHeight = Math.floor((resize.size * image.height) / short);
  }
  const { width, height } = crop ?? { width: fullWidth, height: fullHeight };
  if (width > fullWidth || height > fullHeight) {
    throw new CascError(
      'ERR_CASC_IMAGE',
      `image ${id} is ${fullWidth}x${fullHeight} (width x height)${resize.rule === 'none' ? '' : ' after the resize'}, too small for a crop of ${width}x${height}; ` +
        `use the resize rule short-side with a size of at least ${Math.max(width, height)}, or a smaller crop`,
      { image: id },
    );
  }
  const left = Math.floor((fullWidth - width) / 2);
  const top = Math.floor((fullHeight - height) / 2);
  return { fullWidth, fullHeight, left, top, width, height };
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
