import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import type { PosError } from '../protocol/index.ts';
import { fromHex } from './hex.ts';

const hexText = suite('hexadecimal text is read strictly');

hexText('a wrong character or an odd number of digits is refused and named by position only', () => {
  throws(
    () => fromHex('12x4', 'component 1'),
    (error: PosError) => error.detail === 'component 1: character 3 is no hexadecimal digit',
  );
  throws(
    () => fromHex('123', 'component 1'),
    (error: PosError) => error.detail === 'component 1: 3 hexadecimal digits, an odd number',
  );
  // Node takes the low byte of a wide character: 41 of U+0141.
  throws(
    () => fromHex('4Ł', 'component 1'),
    (error: PosError) => error.detail === 'component 1: character 2 is no hexadecimal digit',
  );
});

hexText.run();
