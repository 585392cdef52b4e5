import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PAD_COMMANDS, PAD_KEYS, PAD_SET_ASIDE, PAD_STATES } from './pin-pad-commands.ts';

const tables = suite('PIN pad command table');

tables('gives no code two meanings, set-aside codes of the family included', () => {
  const commands = [...Object.values(PAD_COMMANDS), ...Object.values(PAD_SET_ASIDE)].map(({ code }) => code);
  const states = Object.values(PAD_STATES).map(({ code }) => code);
  const keys = Object.values(PAD_KEYS);
  for (const codes of [commands, states, keys]) assert.is(new Set<number>(codes).size, codes.length);
});

tables('sends again only what changes nothing in the pad', () => {
  const never = Object.entries(PAD_COMMANDS).filter(([, { again }]) => again === 'never');
  assert.equal(
    never.map(([name]) => name),
    ['loadKeys', 'enterPin', 'loadKey', 'keyPressed'],
  );
});

tables.run();
