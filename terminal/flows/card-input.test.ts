import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError, parseTrack2 } from '../../protocol/index.ts';
import type { CardReader } from '../devices/ports.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness, TestClerk, TRACK2 } from '../shop.fixture.ts';

const swipes = suite('the card at the counter');

/** Swipes at the very moment that the clerk reads the prompt, as a quick hand does. */
class QuickHand extends TestClerk {
  swipe: () => void = () => undefined;

  override show(zh: string, en: string): void {
    super.show(zh, en);
    if (zh === '请刷卡') this.swipe();
  }
}

function readerOf(clerk: QuickHand, outcome: 'good' | 'torn'): CardReader {
  return {
    state: () => 'ready',
    read: () =>
      new Promise((resolve, reject) => {
        clerk.swipe = () =>
          outcome === 'good'
            ? resolve({ track2: parseTrack2(TRACK2), track1Name: null })
            : reject(new PosError('TRACK_BAD', 'three bad reads in a row'));
      }),
  };
}

swipes(
  'is read by a reader that is armed before the prompt is shown: a quick swipe is not lost',
  async () => {
    const clerk = new QuickHand();
    const { terminal } = await openShopForBusiness({
      host: new TestHost(),
      clerk,
      reader: readerOf(clerk, 'good'),
    });
    assert.is((await terminal.command('sale 128')).code, '00');
  },
);

swipes(
  'that cannot be read while the prompt is shown ends the transaction, and nothing is sent',
  async () => {
    const clerk = new QuickHand();
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host, clerk, reader: readerOf(clerk, 'torn') });
    assert.is((await terminal.command('sale 128')).code, 'TRACK_BAD');
    assert.equal(
      host.received.filter(({ mti }) => mti === '0200'),
      [],
    );
  },
);

swipes.run();
