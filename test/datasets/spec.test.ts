import { type DataSpec, dataKinds, openDataset, parseDataSpec } from '../../lib/datasets';
import { caught } from './helpers';

describe('parseDataSpec', () => {
  test.each([
    ['cifar10:data/x', { kind: 'cifar10', path: 'data/x', split: null }],
    ['cifar100:/data/x#train', { kind: 'cifar100', path: '/data/x', split: 'train' }],
    ['mnist:C:\\data\\mnist#test', { kind: 'mnist', path: 'C:\\data\\mnist', split: 'test' }],
    ['imagenet:/a:b/val#labels.txt', { kind: 'imagenet', path: '/a:b/val', split: 'labels.txt' }],
    ['imagenet:/c#/val', { kind: 'imagenet', path: '/c#/val', split: null }],
    ['imagenet:C:\\c#\\val', { kind: 'imagenet', path: 'C:\\c#\\val', split: null }],
    ['imagenet:/data/v#2#', { kind: 'imagenet', path: '/data/v#2', split: null }],
  ])('%s', (text, spec) => {
    expect(parseDataSpec(text)).toEqual(spec);
  });

  test.each(['ag-news:x'])('%s is not in this version', async (text) => {
    const error = await caught(() => parseDataSpec(text));
    expect(error.code).toBe('ERR_CASC_UNSUPPORTED');
    expect(error.message).toMatch(
      /^data sets of kind .* are not in this version; kinds it reads: cifar10, cifar100, mnist, imagenet, coco, voc$/,
    );
  });

  test('an unknown kind lists the kinds', async () => {
    const error = await caught(() => parseDataSpec('C:\\data'));
    expect(error.code).toBe('ERR_CASC_ARGUMENT');
    for (const kind of dataKinds) expect(error.message).toContain(kind);
    expect(error.where).toEqual({ option: 'data' });
  });

  test.each(['', 'cifar10', ':x', 'cifar10:', 'cifar10:#test', 'toString:x'])('%j is refused', async (text) => {
    expect((await caught(() => parseDataSpec(text))).code).toBe('ERR_CASC_ARGUMENT');
  });
});

test('openDataset refuses a spec of an unknown kind', async () => {
  const spec = { kind: 'svhn', path: 'x', split: null } as unknown as DataSpec;
  const error = await caught(() => openDataset(spec));
  expect(error.code).toBe('ERR_CASC_ARGUMENT');
  expect(error.message).toBe(
    'expected one of cifar10, cifar100, mnist, imagenet, coco, voc for data.kind but received "svhn"',
  );
});
