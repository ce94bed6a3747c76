import { labelsOf, wholeTicks } from '../../lib/report/plot-axes';

test('ticks are whole numbers, at most about ten', () => {
  expect(wholeTicks(1, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(wholeTicks(7, 7)).toEqual([7]);
  expect(wholeTicks(1, 65)).toEqual([10, 20, 30, 40, 50, 60]);
  expect(wholeTicks(0, 4999, 6)).toEqual([0, 1000, 2000, 3000, 4000]);
});

test('long names lose what they share, and then their beginning; short ones nothing', () => {
  expect(labelsOf(['/act1/Floor', '/act2/Floor'])).toEqual(['/act1/Floor', '/act2/Floor']);
  expect(labelsOf(['Floor:conv1_relu/floor', 'Floor:fire2_conv1x1_1_relu/floor'])).toEqual([
    'conv1',
    'fire2_conv1x1_1',
  ]);

  expect(labelsOf(['0123456789abcdefghijk'])).toEqual(['…456789abcdefghijk']);
});
